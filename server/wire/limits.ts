// Every bound of the system: its name, its unit and its reason, in one place.

/** Length of one record of the trace, in bytes; fixed so that a batch needs no parsing to be counted. */
export const RECORD_BYTES = 96;

/** Bytes of a read, a write or a kernel structure kept with a call: as many as strace prints by default. */
export const DATA_MAX_BYTES = 32;

/** Largest frame on an engine's pipe, in bytes; anything longer is a broken engine, not a big batch. */
export const PIPE_FRAME_MAX_BYTES = 1_048_576;

/** What an engine keeps for a slow reader before it drops whole events and counts them, in records (24 MiB). */
export const REPORT_BUFFER_RECORDS = 262_144;

/** Records sent in one frame at most, so that one frame stays well below PIPE_FRAME_MAX_BYTES. */
export const REPORT_FRAME_RECORDS = 2_048;

/** So many leave at once, in records (about 100 KB, half of what the pipe takes): each write wakes the bridge, which costs as much as recording. */
export const REPORT_BATCH_RECORDS = 1_024;

/** Records leave an engine after this long at the latest, so that a busy one writes batches and a quiet one is seen at once. */
export const REPORT_INTERVAL_MS = 4;

/** Records the bridge's journal holds (24 MiB); the oldest go first, except those of connections still open. */
export const JOURNAL_RECORDS = 262_144;

/** Hold of the reply, in milliseconds. Ten minutes is longer than any lecture waits. */
export const HOLD_DEFAULT_MS = 5_000;
export const HOLD_MAX_MS = 600_000;

/** listen(2) backlog: the classic pair's default, and the largest value of net.core.somaxconn that Linux takes. */
export const BACKLOG_DEFAULT = 5;
export const BACKLOG_MAX = 65_535;

/** Ports of the classic pair and of the page. */
export const TCP_PORT_DEFAULT = 9_736;
export const HTTP_PORT_DEFAULT = 9_737;

/** A connection that never sends its byte is closed after this long. */
export const FIRST_BYTE_TIMEOUT_MS = 300_000;

/** After the reply the server reads until end of file for at most this long and this much, then closes. */
export const LINGER_TIMEOUT_MS = 2_000;
export const LINGER_MAX_BYTES = 65_536;

/** Descriptors kept free below RLIMIT_NOFILE, beside those the process had open when it began. */
export const DESCRIPTOR_RESERVE = 8;

/** Descriptors an engine has room for from its start: a first crowd of 10,000 must not wait while the kernel makes room. */
export const DESCRIPTOR_TABLE_SLOTS = 16_384;

/** At its connection cap the server ends the oldest silent connection, if it has been silent for this long; a byte under way gets its chance. */
export const EVICT_SILENT_AFTER_MS = 1_000;

/** The accept queue is looked at again after an accept turn, but no more often than this. */
export const QUEUE_SAMPLE_INTERVAL_MS = 20;

/** While accepting pauses, the accept queue is looked at this often. */
export const PAUSED_QUEUE_SAMPLE_MS = 100;

/** Longest pause of accepting that a command may ask for. */
export const ACCEPT_PAUSE_MAX_MS = 60_000;

/** New connections a second whose TCP states are asked for (four or five TCP_INFO calls each); the rest are counted as skipped. */
export const STATE_WATCHED_CONNECTIONS_PER_SECOND = 200;

/** Bytes of one drain read: a page, as most servers read. */
export const DRAIN_READ_BYTES = 4_096;

/** How long accept pauses after EMFILE, ENFILE, ENOBUFS or ENOMEM; the queue keeps the clients meanwhile. */
export const ACCEPT_PAUSE_MS = 200;

/** accept4 calls in one turn of the loop, so that a flood of connects cannot starve those being served. */
export const ACCEPTS_PER_TURN = 512;

/** How long a stopping server waits for the byte of a connection that has sent none. */
export const DRAIN_SILENT_GRACE_MS = 1_000;

/** How long an engine that is done waits for its last events to be read. */
export const LAST_REPORT_TIMEOUT_MS = 1_000;

/** Clients that start in one turn of the loop, for the same reason. */
export const CLIENT_STARTS_PER_TURN = 128;

/** SIGTERM answers those held for at most this long, then leaves with exit code 4. */
export const DRAIN_TIMEOUT_DEFAULT_MS = 30_000;

/** Beat of an engine's own loop, and the silence after which the engine is called unresponsive, then ended. */
export const HEARTBEAT_INTERVAL_MS = 250;
/** Totals that changed are told after this long, without waiting for the next beat. */
export const TOTALS_INTERVAL_MS = 20;
export const HEARTBEAT_STALE_MS = 1_000;
export const HEARTBEAT_DEAD_MS = 60_000;

/** An unexpected exit is followed by a restart after the first delay, doubled each time; the window's count ends it. */
export const RESTART_FIRST_DELAY_MS = 100;
export const RESTART_MAX_DELAY_MS = 5_000;
export const CRASH_WINDOW_MS = 60_000;
export const CRASHES_PER_WINDOW = 6;

/** An epoll_wait never waits longer: a signal that lands just before the call is seen at the next wake-up. */
export const EPOLL_WAIT_CEILING_MS = 250;
export const EPOLL_EVENTS_PER_WAIT = 512;

/** Clients of one spawn-clients command, and alive at once. */
export const SPAWN_MAX_COUNT = 10_000;
export const LIVE_CLIENTS_MAX = 10_000;

/** How much longer than the hold a client waits for its reply before it gives up. */
export const CLIENT_PATIENCE_MS = 60_000;

/** Bytes of one frame from a page, and of all that a page may have waiting in memory. */
export const FEED_FRAME_MAX_BYTES = 65_536;
export const FEED_BACKLOG_MAX_BYTES = 8_388_608;

/** Events go to the pages this often and at most so many in one flush; more than that is a gap and a snapshot. Often: many small messages make no long task in a page. */
export const FEED_FLUSH_MS = 5;
/** One flush words events for this long at most, then the loop turns; what is left waits for the next flush. */
export const FEED_WORDING_MS = 8;
export const FEED_EVENTS_PER_FLUSH = 2_048;
/** A page that is so many events behind, and more each time, is sent a snapshot instead; a snapshot as many events old is made anew. */
export const FEED_BEHIND_EVENTS = 8_192;

/**
 * Events per second that are told one by one: three thousand connections' worth, and as much as a browser can take. Above that, wording
 * them would slow down those who make them for nobody's good: pages get the exact number and a snapshot, each second.
 */
export const FEED_LIVE_EVENTS_PER_SECOND = 80_000;
/** So many events at once are still told: the burst of some thousand connections that begin together. */
export const FEED_BURST_EVENTS = 40_000;

/** A page that asks without reading the answers is not heard; this often it is looked whether it has read them. */
export const HEARING_RETRY_MS = 50;

/** Snapshots of one page come no faster than this; between two of them a page that is too slow gets nothing. */
export const FEED_SNAPSHOT_INTERVAL_MS = 1_000;

/** Ended exchanges a snapshot still tells of, in events: a burst of a hundred is half of it. Those still open are always told. */
export const SNAPSHOT_RECENT_EVENTS = 8_192;

/** So far back their beginnings are searched for: a few milliseconds' work. */
export const SNAPSHOT_SEARCHED_EVENTS = 65_536;

/** Events one answer of /api/trace holds when the reader names no limit, and at most. */
export const TRACE_PAGE_DEFAULT = 10_000;
export const TRACE_PAGE_MAX = 100_000;

/** Commands of one page: bucket size and refill per second. */
export const COMMAND_BURST = 50;
export const COMMANDS_PER_SECOND = 20;

/** WebSocket pages at once. */
export const WATCHERS_MAX = 2_048;

/** Records kept aside for connections still open when the journal's ring passes over them: in all, and of one connection. */
export const JOURNAL_RETAINED_RECORDS = 262_144;
export const RETAINED_PER_CONNECTION = 64;

/** Records of a process's own start, and of its settings and changes, that a snapshot always tells. */
export const START_RECORDS_MAX = 64;
export const MILESTONES_MAX = 64;

/** Descriptors the journal follows in one process: as many as Linux gives at most by default (fs.nr_open). */
export const DESCRIPTORS_MAX = 1_048_576;

/** From spawn to 'ready' an engine may take this long on a busy machine; then it is ended and counts as crashed. */
export const ENGINE_START_TIMEOUT_MS = 20_000;

/** How much longer than its drain timeout an engine that was told to stop may live before it is killed. */
export const ENGINE_STOP_GRACE_MS = 2_000;

/** An order that an engine's loop has not answered by then is given up. */
export const ORDER_TIMEOUT_MS = 10_000;

/** A page that says what it has drawn may have so many events under way; beyond that nothing is sent until it says more. */
export const FEED_WINDOW_EVENTS = 65_536;

/** A page whose socket takes nothing for this long is closed with code 4008. */
export const FEED_STALL_MAX_MS = 30_000;

/** Pages are pinged this often; one that has not answered by the next ping is gone. */
export const FEED_PING_MS = 30_000;

/** A snapshot up to this size is copied for each page, which gets it in one frame; a larger one is shared, and comes in a frame of its own. */
export const SNAPSHOT_COPY_MAX_BYTES = 1_048_576;

/** One snapshot serves every page that asks within this time. */
export const SNAPSHOT_REUSE_MS = 250;

/** Status goes to the pages no more often than this. */
export const STATUS_INTERVAL_MS = 250;
/** Though nothing changed it is told so often: a page cannot tell a quiet bridge from a stopped one. */
export const FEED_BEAT_MS = 5_000;
/** A page that hears nothing for this long calls the feed lost and connects anew: more than a beat, with room for a busy machine. */
export const PAGE_SILENCE_MS = 8_000;

/** Events worded in one go, about 5 ms, before the loop turns: a long answer never stalls the rest. So many are a part of a snapshot, too: about as long to read. */
export const WORDING_SLICE_EVENTS = 1_024;

/** Answers of /api/trace under way at once: each holds its own copy of up to 9.6 MB of records. */
export const TRACE_ANSWERS_MAX = 16;

/** HTTP connections at once (pages among them), the longest URL, and how long a request may take to arrive. */
export const HTTP_CONNECTIONS_MAX = 2_304;
export const URL_MAX_BYTES = 2_048;
export const HTTP_REQUEST_TIMEOUT_MS = 10_000;
/** Node looks for requests that take longer only so often; its own half minute would be the true timeout. */
export const HTTP_CHECK_INTERVAL_MS = 2_000;

/** Orders an engine may have to answer at once; commands beyond that are refused, not queued. */
export const ORDERS_PENDING_MAX = 1_024;

/** A message of a page may come in this many fragments and chunks; a page that was told to close may take this long to agree. */
export const FEED_FRAGMENTS_MAX = 64;
export const FEED_BUFFERED_CHUNKS_MAX = 1_024;
export const FEED_CLOSE_TIMEOUT_MS = 5_000;

/** Events a page keeps to show and search. */
export const PAGE_LOG_EVENTS = 200_000;
/** Events a frozen page keeps for later; beyond that it begins anew from a snapshot, and says how many it skipped. */
export const PAGE_FROZEN_EVENTS = 200_000;
/** Of connections a page keeps all that live, and of those that ended the newest: up to so many in all, but so many of them in any case. */
export const PAGE_CONNECTIONS = 20_000;
export const PAGE_ENDED_CONNECTIONS_MIN = 10_000;
/** So many are forgotten at a time: few enough to cost no frame, and enough that a list made anew for each time pays. */
export const PAGE_FORGET_CONNECTIONS = 500;

/** The charts' memory: stretches of so many milliseconds, and so many of them in which something happened (ten busy minutes). */
export const PAGE_SERIES_BIN_MS = 250;
export const PAGE_SERIES_BINS = 2_400;

/** A page says this often how far it has come. */
export const PAGE_ACK_INTERVAL_MS = 250;

/** A page waits this long for the reply to a command; a start of the server may take a while on a busy machine. */
export const PAGE_COMMAND_TIMEOUT_MS = 30_000;

/** A page that lost its bridge comes back after the first delay, doubled each time up to the last. */
export const PAGE_RECONNECT_FIRST_MS = 250;
export const PAGE_RECONNECT_MAX_MS = 5_000;
