/* Logging to stderr: one line a message, never an identity or a secret. */
#ifndef SOTTO_LOG_H
#define SOTTO_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines over the level are dropped; default LOG_INFO. When JOURNAL_STREAM names
 * stderr (systemd.exec(5)) lines begin with <N> priorities (sd-daemon(3)) and
 * carry no time; else with the time in UTC, program, process and level. program
 * is kept. Call it before the first thread starts; log_at is safe from all. */
void log_init(const char *program, enum log_level level);
/* "error" "warn" "info" "debug"; -1 for another word. */
int log_level_parse(const char *word);
/* At most so many lines a minute: what a peer provokes must not fill the disk. How
 * many were left out is told when the next minute's first comes. 0, as it is at
 * first: no bound. Before the first thread starts. */
void log_limit(unsigned lines);
/* Bytes that are not printable ASCII are written as \xNN; what is longer than
 * 2,047 bytes is cut. Keeps errno. */
void log_at(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
