/**
 * A guest's side of the door (`door.wat.j2`): what its calls need of JavaScript. Addresses and
 * lengths are checked by the door before anything is asked for here.
 */
export type Python = WebAssembly.Exports & {
    memory: WebAssembly.Memory;
    HEAPU8: Uint8Array;
    _malloc: (size: number) => number;
    PyProxy_getPtr: (proxy: any) => number;
};
/** The staging area, in Python's linear memory; shared by all guests. */
export declare class Stage {
    #private;
    python: Python;
    arguments: number;
    grow: (size: number) => boolean;
    base: WebAssembly.Global<"i32">;
    size: WebAssembly.Global<"i32">;
    /**
     * @param {Python} python
     * @param {() => { base: number, size: number }} locate Where the area lies now.
     * @param {(size: number) => boolean} grow
     */
    constructor(python: Python, locate: () => {
        base: number;
        size: number;
    }, grow: (size: number) => boolean);
    /** Look again where the area lies, after Python may have made it larger. */
    refresh(): void;
}
export type Carrier = {
    /**
     * Calls until `mayGoOn` is to be asked.
     */
    credit: WebAssembly.Global;
    /**
     * Whether the engine can suspend a guest.
     */
    suspends: boolean;
    /**
     * False if others should get their turn.
     */
    mayGoOn: () => boolean;
    /**
     *   Given the answer of a call, what it answers in the end: `AGAIN` if it is to be made again,
     *   `UNWOUND` if the guest must not go on.
     */
    wait: (answer: number) => number | Promise<number>;
    /**
     * A call that had waited is done.
     */
    finished: () => void;
    stack: import("./stack.js").Stack;
    /**
     * As `wait`, for a call that is but a place on
     * a stack that is unwound or rewound.
     */
    reached: () => number | Promise<number>;
};
/**
 * What a guest thread waits by.
 * @typedef {object} Carrier
 * @property {WebAssembly.Global} credit Calls until `mayGoOn` is to be asked.
 * @property {boolean} suspends Whether the engine can suspend a guest.
 * @property {() => boolean} mayGoOn False if others should get their turn.
 * @property {(answer: number) => number | Promise<number>} wait
 *   Given the answer of a call, what it answers in the end: `AGAIN` if it is to be made again,
 *   `UNWOUND` if the guest must not go on.
 * @property {() => void} finished A call that had waited is done.
 * @property {import("./stack.js").Stack} stack
 * @property {() => number | Promise<number>} reached As `wait`, for a call that is but a place on
 *   a stack that is unwound or rewound.
 */
/** A guest's memory as the kernel looks into it: `wasix.web.memory.Guest`. */
export declare class View {
    memory: WebAssembly.Memory;
    /** @param {WebAssembly.Memory} memory */
    constructor(memory: WebAssembly.Memory);
    size(): number;
    /** @param {number} at @param {number} length */
    read(at: number, length: number): Uint8Array<ArrayBuffer>;
    /** @param {number} at @param {number} length */
    room(at: number, length: number): Uint8Array<ArrayBuffer>;
    /** What was put where there was room is stored already. */
    write(): void;
}
/** One guest thread. */
export declare class Guest {
    #private;
    stage: Stage;
    carrier: Carrier;
    /** @type {WebAssembly.Memory} */
    memory: WebAssembly.Memory;
    /** Set when the guest unwinds because it was told to, not because it trapped. */
    unwinding: boolean;
    /** @param {Stage} stage @param {Carrier} carrier */
    constructor(stage: Stage, carrier: Carrier);
    /**
     * Let the guest's calls through.
     * @param {WebAssembly.Table} calls The table of its gate.
     * @param {WebAssembly.Memory} memory
     * @param {number[]} callees By call number, the address of the decoder or 0 if it is not imported.
     */
    open(calls: WebAssembly.Table, memory: WebAssembly.Memory, callees: number[]): void;
    /** As the kernel looks into it. */
    view(): View;
}
