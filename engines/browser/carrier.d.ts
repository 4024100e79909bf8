/**
 * How guests wait, and take turns, on the one thread they share with the kernel.
 *
 * A guest that waits is suspended (JSPI) by a promise whose resolver is held here; the kernel's wake
 * makes its call again. A guest that runs long gives the event loop its turn between two calls that
 * may wait, so that keys, signals and other guests get through.
 */
import { Stack } from "./stack.js";
export declare class Turns {
    #private;
    /** Calls until the clock is looked at again: the door counts it down. */
    credit: WebAssembly.Global<"i32">;
    /** @param {() => void} end Called whenever a turn ends. */
    constructor(end: () => void);
    /** A turn begins. */
    begin(): void;
    /** Whether there is time left in this turn. */
    left(): boolean;
    /** Have the guest that runs look soon. */
    hurry(): void;
    /** Calls made since this was asked last. */
    made(): number;
    /** Run `task` in a later turn. @param {() => void} task */
    later(task: () => void): void;
    /** Run `task` when the caller is done, in this turn if there is time. @param {() => void} task */
    soon(task: () => void): void;
    end(): void;
    /** Have one end in a while, for who makes calls without waiting and runs elsewhere. */
    endSoon(): void;
}
export type Thread = {
    upcall: () => any;
    carrier: Carrier;
};
export type Carrier = {
    resume: () => number;
    hold: (answer: number) => number;
    proceed: () => number;
    delay: () => number;
    finished: () => void;
};
export type Resolve = (answer: number) => void;
/**
 * The kernel's side of a guest thread: `wasix.web.programs.Task`, and its
 * `wasix.proc.promise.PromiseCarrier`.
 * @typedef {object} Thread
 * @property {() => any} upcall
 * @property {Carrier} carrier
 *
 * @typedef {object} Carrier
 * @property {() => number} resume
 * @property {(answer: number) => number} hold
 * @property {() => number} proceed
 * @property {() => number} delay
 * @property {() => void} finished
 */
/** Told what a call answers. @typedef {(answer: number) => void} Resolve */
/** Waits for the kernel's news of one guest thread, wherever that runs. */
export declare class Waiter {
    #private;
    turns: Turns;
    carrier: Carrier;
    /** System calls that the guest has made. */
    calls: number;
    /** Whether there is news, for a thread that does not wait. */
    interrupted: boolean;
    /** @param {Turns} turns @param {Carrier} carrier */
    constructor(turns: Turns, carrier: Carrier);
    /** Milliseconds for which the guest ran, and the kernel for it. */
    get time(): number;
    /** It runs no longer. */
    rest(): void;
    /** The kernel has news for this thread. */
    notify(): void;
    /** The thread has ended, perhaps while it waited. */
    close(): void;
    /** Have a guest that runs ask for news soon. */
    interrupt(): void;
    /** Wait until the kernel has news. @param {Resolve} resolve */
    park(resolve: Resolve): void;
    /** Do what the kernel says until the guest has something to do. @param {() => number} ask @param {Resolve} resolve */
    look(ask: () => number, resolve: Resolve): void;
}
/** Carries a guest thread that runs here. */
export declare class PromiseCarrier extends Waiter {
    #private;
    suspends: boolean;
    stack: Stack;
    /**
     * @param {boolean} suspends
     * @param {Turns} turns
     * @param {Thread} thread
     * @param {() => void} refuse Ends the program because it would have to wait.
     */
    constructor(suspends: boolean, turns: Turns, thread: Thread, refuse: () => void);
    interrupt(): void;
    get credit(): WebAssembly.Global<"i32">;
    mayGoOn(): boolean;
    finished(): void;
    /**
     * Park a call that has to wait, or let others have their turn after one that has been made.
     * @param {number} answer @returns {number | Promise<number>}
     */
    wait(answer: number): number | Promise<number>;
    /** @returns {number | Promise<number>} */
    reached(): number | Promise<number>;
}
