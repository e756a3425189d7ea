import { DataError, EngineError, ExternalError } from "../../core/errors.ts";

/** What the server says of an error; https://www.postgresql.org/docs/current/protocol-error-fields.html */
interface ServerError extends Error {
  /** SQLSTATE, or a code of Node's where the connection failed. */
  readonly code?: string;
  readonly severity?: string;
  readonly detail?: string;
  /** "COPY staging, line 3, column price: "x"". */
  readonly where?: string;
}

/** Nothing is known of what was under way: it may have been done. */
export const isUnavailable = (thrown: unknown): boolean =>
  thrown instanceof EngineError && thrown.code === "POSTGRES_UNAVAILABLE";

export const connectionLost = (what: string, cause?: unknown): ExternalError =>
  new ExternalError(
    "POSTGRES_UNAVAILABLE",
    true,
    `The PostgreSQL server did not answer (${what}).`,
    "See that it runs and can be reached; the job goes on from its last checkpoint when it is started again.",
    { cause },
  );

/** A failure of the driver or the server as a typed error; `doing` says of what: "write rows to orders". */
export function postgresError(thrown: unknown, doing: string): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const error = thrown as ServerError;
  const { code = "", detail, where } = error;
  // Where several addresses were tried, Node's own message is empty.
  const message = error.message || code;
  const said = `${message}${detail === undefined ? "" : ` (${detail})`}${where === undefined ? "" : `, at ${where}`}`;
  const what = `PostgreSQL could not ${doing}: ${said}.`;
  const because = { cause: thrown };
  const isServers = /^[0-9A-Z]{5}$/.test(code) && error.severity !== undefined;
  if (!isServers && (/^E[A-Z_]+$/.test(code) || /terminat|timeout|closed|ended/i.test(message))) {
    return connectionLost(message, thrown);
  }
  switch (true) {
    // 57P01..3: it is shut down, has crashed or starts; 53300: too many clients.
    case /^(08|57P0[1-3]|53300|25P03)/.test(code):
      return connectionLost(message, thrown);
    case /^(40|55P03|53)/.test(code):
      return new ExternalError("POSTGRES_CONFLICT", true, what, "It is tried again.", because);
    case /^(28|42501|3D)/.test(code):
      return new ExternalError(
        "POSTGRES_ACCESS_DENIED",
        false,
        what,
        "See to user, password and database of the connection, and to the user's rights: INSERT (UPDATE and DELETE with upsert) on the table, CREATE on its schema or on stagingSchema.",
        because,
      );
    case code.startsWith("22"):
      return new DataError(
        "POSTGRES_VALUE_INVALID",
        what,
        "Convert the column with an expression, or change the type of the table's column. Nothing of it was committed.",
        because,
      );
    case code.startsWith("23"):
      return new DataError(
        "POSTGRES_CONSTRAINT",
        what,
        'See to the rows or the constraint; mode: "upsert" replaces rows of equal keys. Rows of a complete checkpoint are kept in staging tables and are committed when the job is started again.',
        because,
      );
    default:
      return new ExternalError(
        "POSTGRES_FAILED",
        false,
        what,
        isServers ? `See SQLSTATE ${code} in its manual.` : "See to the connection that is given.",
        because,
      );
  }
}
