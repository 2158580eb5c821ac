import { begin } from "../actions";
import type { Task } from "../state";
import { CloseIcon } from "./Icons";
import { textOf } from "./Quote";

/** Says that what is written is a reply, or another text of a message. */
export function TaskBar({ task }: { task: Task }) {
  const cancel = task.does === "edit" ? "Stop editing" : "Don't reply";
  return (
    <div className="task">
      <p>
        <b>{task.does === "edit" ? "Editing" : <>Reply to <bdi>{task.message.author}</bdi></>}</b> <bdi>{textOf(task.message)}</bdi>
      </p>
      <button type="button" className="tool" onClick={() => begin()} title={cancel}>
        <CloseIcon />
        <span className="hidden">{cancel}</span>
      </button>
    </div>
  );
}
