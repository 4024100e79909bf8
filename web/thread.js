/** The worker of guest threads that do not take turns: it runs one after the other. */

import { CALLS } from "#glue";

import { Guest } from "../engines/browser/guest.js";
import { Remote } from "../engines/browser/remote.js";
import { run } from "../engines/browser/run.js";

/** The door is given calls by their numbers. */
const callees = Array.from({ length: CALLS }, (_, number) => number);

/** What is being done. @type {Remote | null} */
let task = null;

/** @param {import("../engines/browser/remote.js").Order} order @param {MessagePort} kernel */
async function obey(order, kernel) {
  task = new Remote(order, (data) => kernel.postMessage(data));
  const guest = new Guest(...task.guest);
  const outcome = await run(order.module, order.wanted, guest, task, callees, order.snapshot);
  task = null;
  kernel.postMessage({ outcome });
}

onmessage = ({ ports: [kernel] }) => {
  kernel.onmessage = ({ data }) => (task ? task.take(data) : void obey(data, kernel));
};
