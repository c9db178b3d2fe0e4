// The bounds of reading the kernel's side of the conversation (socket table, tracepoints): name, unit and reason, as in limits.ts.

/** Rows of one socket table: twice what 10,000 connections on loopback need, both ends and their TIME-WAITs. */
export const SOCKET_ROWS_MAX = 65_536;

/** One netlink datagram of a dump; the kernel makes them as large as the reader's buffer, and never larger than this. */
export const NETLINK_RECEIVE_BYTES = 32_768;

/** The niceness of the process that watches: it must not take processor time from those it watches. Where the kernel groups by session (sched(7), autogroup), it counts within ours. */
export const TAP_NICE = 10;

/** Ports watched at once: a filter expression stays short, and so does its evaluation at each event. */
export const WATCHED_PORTS_MAX = 8;

/** Descriptors of foreign processes looked at in one step of the search for a socket's owner, 5 to 15 µs each: what the tracepoints tell meanwhile waits. */
export const OWNER_STEP_DESCRIPTORS = 128;

/** Owners remembered; beyond that the oldest are forgotten and looked up again when asked for. */
export const OWNERS_MAX = 16_384;

/** A socket whose owner was not found is not looked for again for so long. */
export const OWNER_RETRY_MS = 1_000;

/** Ring buffer of socket events, per CPU, in KiB: about 0.1 s of the densest traffic seen (100,000 state changes a second on one CPU). */
export const STATES_BUFFER_KIB = 1_024;

/** Ring buffer of system calls, of all CPUs, in KiB, and the least that each gets: it also holds the calls of all other processes while it is open. */
export const CALLS_BUFFER_KIB = 8_192;
export const CALLS_BUFFER_CPU_MIN_KIB = 512;

/** A thread that is not connected to us and makes so many recorded calls a second is left out of the recording; so many threads at once, as a filter's length allows. */
export const NOISY_RECORDS_PER_SECOND = 2_000;
export const NOISY_THREADS_MAX = 16;

/** Losses are told together, this often at most: a busy machine makes many small ones. */
export const LOST_TOLD_INTERVAL_MS = 1_000;

/** Trace pages read in one turn, of all CPUs (2 MiB), before the loop turns: a flood never holds the tap. */
export const TRACE_PAGES_PER_READ = 512;

/** Events younger than this wait for the next read: another CPU may still be writing an earlier one. */
export const TRACE_SETTLE_NS = 200_000;

/** A read of the trace buffers follows the last one no sooner than this, so that a busy kernel wakes the tap 200 times a second, not 200,000; nor later while foreign processes are connected, whose calls wake nobody. */
export const TRACE_READ_INTERVAL_MS = 5;

/** Calls are recorded this long after the last foreign socket was closed, so that the next connect finds the recording on. */
export const CALLS_LINGER_NS = 1_000_000_000;

/** Foreign processes, their open sockets, and recent socket() calls of anybody, remembered at once; what does not fit is left out and counted. */
export const FOREIGN_PROCESSES_MAX = 256;
export const FOREIGN_SOCKETS_MAX = 16_384;
export const RECENT_SOCKET_CALLS_MAX = 1_024;

/** Sockets of our ports whose state is followed at once, by their kernel address. */
export const FOLLOWED_SOCKETS_MAX = 65_536;

/** Threads looked up in /proc in one read of the trace, about 20 µs each. */
export const THREAD_LOOKUPS_PER_READ = 64;

/** Threads remembered as belonging to this or that process. */
export const THREADS_MAX = 4_096;

/** Events of one socket that wait until its local port is known; more than a connection's beginning never do. */
export const UNNAMED_EVENTS_MAX = 16;

/** The socket table is read this often while something is alive, and while a page only looks. */
export const SAMPLE_INTERVAL_MS = 250;
export const SAMPLE_QUIET_INTERVAL_MS = 1_000;

/** Reading the table may take this share of a core; where it costs more, the interval grows. */
export const SAMPLE_CORE_SHARE = 0.02;

/** Sampling goes on this long after the last sign of life: connections end, and their TIME-WAIT begins. */
export const SAMPLE_LINGER_MS = 2_000;

/** Sockets that one look at the table begins to follow, so that the trace stays readable; the rest wait for the next look, and those that end before their turn are counted. */
export const SAMPLE_NEW_SOCKETS_MAX = 500;

/** Sockets followed through looks whose tables were cut at SOCKET_ROWS_MAX: beyond that, those that the last look did not show are forgotten without a word. */
export const SAMPLED_SOCKETS_MAX = SOCKET_ROWS_MAX;

/** Rows of the socket table in one answer, 300 bytes each: below PIPE_FRAME_MAX_BYTES whatever the process names. */
export const SOCKET_ROWS_PER_ANSWER = 2_000;

/** A part of the socket table that has not come by then is not waited for: the asker is told that the tap hangs. Ten times what 10,000 rows take on a busy machine. */
export const SOCKETS_ANSWER_TIMEOUT_MS = 2_000;

/** Rows of /api/sockets when the reader names no limit, and at most. */
export const SOCKETS_DEFAULT = 1_000;
export const SOCKETS_MAX = 10_000;

/** An answer waits this long for owners to be found before it says that they are being searched. */
export const OWNER_SEARCH_PATIENCE_MS = 20;

/** The bridge tells the tap what to watch this soon after it has changed. */
export const WATCH_UPDATE_MS = 50;

/** Ring buffer of resets and drops of any port, per CPU, in KiB: few are ours, and few there are. */
export const ANY_PORT_BUFFER_KIB = 128;

/** Calls overwritten later than this after the last foreign socket are no loss. */
export const LOST_LOOKBACK_NS = 500_000_000;

/** Records of socket events a second, beyond which only every so many-th connection is followed (by its client's port), and no foreign calls: about 1,000 connections. */
export const TRACE_BUSY_RECORDS_PER_SECOND = 10_000;
export const TRACE_THIN_CONNECTIONS = 16;

/** The search for owners takes this share of a core at most. */
export const OWNER_SEARCH_CORE_SHARE = 0.05;
