/**
 * The stack of a guest thread: functions of the guest's that are called while one of its calls waits,
 * and how all of it is unwound and rewound (`engines/asyncify.py` says what lies where).
 *
 * A guest that is suspended (JSPI) is entered again from the top, since a function called for a
 * signal may wait as well. When the stack unwinds, that function returns, then the call around it,
 * and so on down to `_start`; each frame of JavaScript between them is a promise that is resolved.
 */
export type Outcome = import("./outcome.js").Outcome;
export declare class Stack {
    #private;
    /** One of the three. The door asks it at every call that may wait. */
    apart: WebAssembly.Global<"i32">;
    /** How the guest ends, if that was decided before its stack is gone. @type {Outcome | null} */
    fate: Outcome | null;
    /** @param {boolean} suspends Whether functions of the guest's may be suspended (JSPI). */
    constructor(suspends: boolean);
    /**
     * @param {WebAssembly.Exports} exports @param {string[]} names Of the exports, in order.
     * @param {[string, string][]} [variables]
     */
    open(exports: WebAssembly.Exports, names: string[], variables?: [string, string][]): void;
    /** Where an export that takes so many arguments stands; -1 if there is none. @param {string} name @param {number} count */
    find(name: string, count: number): number;
    /**
     * Call an export while a call of the guest's waits. Gives what that call answers if it is not to go
     * on, else null; a promise of that if it may be suspended.
     * @param {number} place @param {number[]} given @returns {number | null | Promise<number | null>}
     */
    call(place: number, given: number[]): number | null | Promise<number | null>;
    /** Have the guest's stack unwound when its call has answered this. */
    suspend(): number;
    /** Whether the guest has returned to have its stack unwound, not because it is done. */
    get unwound(): boolean;
    /** Whether it has returned without getting back to where it was. */
    get lost(): boolean;
    /** Make what has been unwound complete. Returns its area, or null if the guest has ended. */
    take(): number | null;
    /** Memory is a copy of another guest's, whose stack is unwound to `area`. @param {number} area */
    adopt(area: number): void;
    /**
     * Have the guest go on, when it is called again, from where its area says. False if it cannot.
     * @param {number} answer What the call answers that it is to come to.
     */
    rewind(answer: number): boolean;
    /**
     * The guest has made a call while its stack was not whole. What that answers; or, if there is more
     * of the stack, as `call`.
     */
    reached(): number | Promise<number | null> | null;
}
