/**
 * How much is tried of what could go on for ever, such as kills and seeds: enough to see that it holds, or, with
 * ATLAS_TEST_FULL=1 as `.ci/run` sets it, as much as the time of a landing allows.
 */
export const isFull = process.env["ATLAS_TEST_FULL"] === "1"
