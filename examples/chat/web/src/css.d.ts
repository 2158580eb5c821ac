import "react";

declare module "react" {
  interface CSSProperties {
    "--hue"?: number; // of an avatar's colour, in degrees
  }
}
