/** The worker of guest threads that do not take turns: it runs one after the other. */

import { CALLS } from "#glue";

import { Guest } from "../engines/browser/guest.js";
import { Remote } from "../engines/browser/remote.js";
import { run } from "../engines/browser/run.js";

/** The door is given calls by their numbers. */
const callees = Array.from({ length: CALLS }, (_, number) => number);

onmessage = async ({ data }) => {
  const order = /** @type {import("../engines/browser/remote.js").Order} */ (data);
  const task = new Remote(order, (data) => postMessage(data));
  const guest = new Guest(...task.guest);
  const outcome = await run(order.module, order.wanted, guest, task, callees, order.snapshot);
  postMessage({ outcome });
};
