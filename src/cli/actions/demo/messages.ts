/**
 * The messages between the demo and its orchestrator, a line of JSON each: they are two processes, so that one can be killed.
 */
import * as Schema from "effect/Schema"

/** What the demo asks for. The end of the lines means: end every session and exit. */
export const Question = Schema.Union([
  Schema.TaggedStruct("Spawn", { user: Schema.String, idleTtlMs: Schema.Finite }),
  /** Its user has left: until then it counts as used. */
  Schema.TaggedStruct("Leave", { id: Schema.String }),
  Schema.TaggedStruct("Task", { script: Schema.String })
])

export type Question = typeof Question.Type

/** What the orchestrator answers, and what it reports without being asked. */
export const Answer = Schema.Union([
  /** It holds the owner lock and has adopted the sessions that an earlier one left. */
  Schema.TaggedStruct("Ready", { adopted: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("Spawned", {
    id: Schema.String,
    user: Schema.String,
    computeId: Schema.String,
    url: Schema.String,
    header: Schema.String
  }),
  Schema.TaggedStruct("TaskEnded", { exitCode: Schema.NullOr(Schema.Int) }),
  Schema.TaggedStruct("SessionEnded", { id: Schema.String, reason: Schema.String }),
  Schema.TaggedStruct("Failed", { message: Schema.String }),
  /** It has ended; made by the demo itself. */
  Schema.TaggedStruct("Gone", { message: Schema.String })
])

export type Answer = typeof Answer.Type

const line = <S extends Schema.Top>(schema: S) => Schema.fromJsonString(Schema.toCodecJson(schema))

export const QuestionLine = line(Question)
export const AnswerLine = line(Answer)
