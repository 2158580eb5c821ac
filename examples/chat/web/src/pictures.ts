// Pictures that would take long on a phone are sent in a smaller size.

export const LARGEST = 512 * 1024; // bytes
const LONGEST_SIDE = 1600; // px

/** A picture, drawn anew so that it is small enough. */
export async function smaller(file: File): Promise<File> {
  const original = await createImageBitmap(file);
  for (let side = LONGEST_SIDE; ; side /= 2) {
    const drawn = await draw(original, side);
    if (drawn.size <= LARGEST) return new File([drawn], file.name.replace(/\.\w+$/, "") + ".jpg");
  }
}

function draw(original: ImageBitmap, side: number): Promise<Blob> {
  const scale = Math.min(1, side / Math.max(original.width, original.height));
  const canvas = new OffscreenCanvas(Math.ceil(original.width * scale), Math.ceil(original.height * scale));
  const paper = canvas.getContext("2d");
  if (!paper) throw new Error("no canvas");
  paper.fillStyle = "#fff"; // JPEG has no transparency
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(original, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
}
