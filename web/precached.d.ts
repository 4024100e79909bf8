/** What `wasix.web.build` writes for the service worker. */
declare module "#precached" {
  /** All files of the bundle but its programs. */
  export const FILES: string[];
  /** Another for other files. */
  /** Kept as well, without what it is packed in. */
  export const SNAPSHOT: string;
  export const VERSION: string;
}
