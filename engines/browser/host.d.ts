/** The kernel's end of a guest thread that has a worker of its own (`remote.js`). */
import { Box } from "./box.js";
import { Waiter } from "./carrier.js";
/** A thread's staging area, in Python's memory. */
export declare class Area {
    #private;
    python: import("./guest.js").Python;
    locate: () => {
        base: number;
        size: number;
    };
    grow: (size: number) => boolean;
    /**
     * @param {import("./guest.js").Python} python
     * @param {() => { base: number, size: number }} locate Where it lies now.
     * @param {(size: number) => boolean} grow
     */
    constructor(python: import("./guest.js").Python, locate: () => {
        base: number;
        size: number;
    }, grow: (size: number) => boolean);
    /** All of it. */
    get bytes(): Uint8Array<ArrayBufferLike>;
    /** @param {number} size */
    reserve(size: number): boolean;
    /** Look again where it lies, after Python may have made it larger. */
    refresh(): void;
}
export type Decoder = (...given: (number | bigint)[]) => number;
export declare class RemoteThread extends Waiter {
    #private;
    box: Box;
    /**
     * @param {import("./carrier.js").Turns} turns
     * @param {any} task `wasix.web.programs.Task`
     * @param {Map<number, Decoder>} decoders By call number.
     * @param {Area} area
     * @param {WebAssembly.Memory[] | null} memories Those that its guest imports, if all are shared.
     */
    constructor(turns: import("./carrier.js").Turns, task: any, decoders: Map<number, Decoder>, area: Area, memories: WebAssembly.Memory[] | null);
    interrupt(): void;
    /** @param {() => number} ask @param {(answer: number) => void} resolve */
    look(ask: () => number, resolve: (answer: number) => void): void;
    /** The guest's worker has sent this. @param {SharedArrayBuffer | null} data Room for more bytes. */
    receive(data: SharedArrayBuffer | null): void;
}
