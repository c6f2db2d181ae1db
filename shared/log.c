#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 2048, LINE_MAX_LEN = 4 * TEXT_MAX + 256 };

static const struct {
	const char *word;
	int priority;	/* syslog(3) */
} levels[] = {
	[LOG_ERROR] = { "error", 3 },
	[LOG_WARN] = { "warn", 4 },
	[LOG_INFO] = { "info", 6 },
	[LOG_DEBUG] = { "debug", 7 },
};

/* Written by log_init before there are threads, then only read. */
static const char *log_program = "sotto";
static enum log_level log_max = LOG_INFO;
static bool log_journal;
static unsigned log_lines;

/* The minute under way, and its lines so far; threads may count one too many. */
static atomic_long log_minute;
static atomic_uint log_count;

/* Whether stderr is the journal: JOURNAL_STREAM names its device and inode
 * (systemd.exec(5)); a child whose stderr was redirected inherits it too. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char here[64];

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(here, sizeof(here), "%" PRIuMAX ":%" PRIuMAX,
		 (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(here, stream) == 0;
}

void log_init(const char *program, enum log_level level)
{
	log_program = program;
	log_max = level;
	log_journal = is_journal();
}

void log_limit(unsigned lines)
{
	log_lines = lines;
}

int log_level_parse(const char *word)
{
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
		if (strcmp(word, levels[i].word) == 0)
			return i;
	return -1;
}

/* What stands before the text; returns its length. */
static size_t put_prefix(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	if (log_journal)
		return (size_t)snprintf(line, size, "<%d>",
					levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, size - n, ".%03ldZ %.64s[%ld] %s: ",
			      now.tv_nsec / 1000000, log_program,
			      (long)getpid(), levels[level].word);
	return n;
}

/* All but printable ASCII as \xNN, which leaves a terminal nothing to obey. */
static size_t put_escaped(char *to, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	char *begin = to;

	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;

		if (c >= 0x20 && c < 0x7f) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		*to++ = 'x';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return (size_t)(to - begin);
}

static void write_line(enum log_level level, const char *text)
{
	char line[LINE_MAX_LEN];
	size_t len = put_prefix(line, sizeof(line), level), done = 0;
	ssize_t n;

	len += put_escaped(line + len, text);
	line[len++] = '\n';
	/* One write a line: threads do not mix their lines. */
	while (done < len) {
		n = write(STDERR_FILENO, line + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;	/* nowhere to complain */
		done += (size_t)n;
	}
}

/* Whether one more line fits the minute. */
static bool has_room(void)
{
	struct timespec now;
	long minute, before;
	unsigned count;
	char text[64];

	if (!log_lines)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	minute = now.tv_sec / 60 + 1;
	before = atomic_exchange(&log_minute, minute);
	if (before == minute)
		return atomic_fetch_add(&log_count, 1) < log_lines;
	count = atomic_exchange(&log_count, 1);
	if (count > log_lines) {
		snprintf(text, sizeof(text), "%u lines were left out",
			 count - log_lines);
		write_line(LOG_WARN, text);
	}
	return true;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char text[TEXT_MAX];
	int saved = errno;
	va_list ap;

	if (level > log_max || !has_room())
		return;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	write_line(level, text);
	errno = saved;
}
