/**
 * What the worker of a guest thread shares with the kernel's: room for one request, its answer, and
 * bytes that go either way. The guest's worker makes a request, says so in a message unless the
 * kernel's worker is looking for it, and sleeps until there is an answer. That worker sleeps only for
 * the moment that a `WISH` takes.
 */
/** What a guest's worker may ask for; `host.js` does it. */
export declare const REQUEST: {
    /** Make a system call: its number, then what its decoder gets. The staging area is in the bytes. */
    CALL: number;
    /** Wait, or be held up, after a call that has answered this. */
    WAIT: number;
    /** What to call: its arguments are the numbers, its name is in the bytes. */
    UPCALL: number;
    /** That has returned. */
    PROCEED: number;
    /** The guest has its memory, which is one of those given: which. */
    OPENED: number;
    /** Its memory is to be made that of its snapshot. */
    RESTORE: number;
    /** Its stack is unwound to an area: what its call answers, with a count of 0 for nothing. */
    SUSPENDED: number;
    /** The staging area once more, so many bytes of it. */
    FETCH: number;
};
/** Whether there is an answer, or one of `WISH`. What a guest's worker sleeps at. */
export declare const ANSWERED = 0;
/** Whether the kernel has news for the thread. */
export declare const NEWS = 1;
/** Whether a call that had waited is done. */
export declare const FINISHED = 2;
/** One of `REQUEST`. */
export declare const KIND = 3;
/** How many numbers there are. */
export declare const COUNT = 4;
/** Which of the numbers are unsigned, by bit. */
export declare const UNSIGNED = 5;
/** How many bytes there are; in an answer more than there is room for, if it has not. */
export declare const LENGTH = 6;
export declare const ANSWER = 7;
/** Whether there is a request that the kernel's worker has not seen. */
export declare const ASKED = 8;
/** Whether that worker looks for one, and need not be told. */
export declare const LISTENS = 9;
/** Bytes there is room for, as the kernel's worker knows. */
export declare const ROOM = 10;
/** Whether a wish has been fulfilled. What the kernel's worker waits for, as it is at once. */
export declare const FULFILLED = 11;
/** Pages of the guest's memory. */
export declare const PAGES = 12;
/**
 * What the kernel may wish of a guest that waits for its answer and whose memory is its worker's alone:
 * that so many bytes of it, from the first number on, be put among the bytes here, or taken from them.
 */
export declare const WISH: {
    READ: number;
    WRITE: number;
};
/**
 * Looks for what the other side is about to do before a worker sleeps, or turns to something else:
 * some 20 µs, where telling and waking take 50 to 100.
 */
export declare const LOOKS = 2000;
export declare class Box {
    state: SharedArrayBuffer;
    words: Int32Array<SharedArrayBuffer>;
    numbers: BigInt64Array<SharedArrayBuffer>;
    bytes: Uint8Array<SharedArrayBuffer>;
    /** @param {SharedArrayBuffer} [state] @param {SharedArrayBuffer} [data] */
    constructor(state?: SharedArrayBuffer, data?: SharedArrayBuffer);
    get data(): SharedArrayBuffer;
    /** Its bytes are somewhere else, where there is more room. @param {SharedArrayBuffer} data */
    replace(data: SharedArrayBuffer): void;
}
