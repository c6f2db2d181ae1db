/* Runs a fuzz target once over each file of the folders and files that it is
 * given, where libFuzzer is not: the corpus under ASan, or one found input. */
#include <dirent.h>
#include <errno.h>
#include <error.h>
#include <stdint.h>
#include <sys/stat.h>

enum { INPUT_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static unsigned inputs;

/* The input has its exact size on the heap, so that ASan sees a read past it. */
static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t len;

	if (!f || fstat(fileno(f), &st))
		error(1, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > INPUT_MAX)
		error(1, 0, "%s: no file of at most %d bytes", path, INPUT_MAX);
	len = (size_t)st.st_size;
	data = malloc(len);
	if (len && !data)
		error(1, errno, "memory");
	if (fread(data, 1, len, f) != len)
		error(1, errno, "%s", path);
	fclose(f);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, len);
	free(data);
	inputs++;
}

static void run_folder(const char *path, DIR *d)
{
	struct dirent *e;
	char *file;

	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (asprintf(&file, "%s/%s", path, e->d_name) < 0)
			error(1, errno, "memory");
		run_file(file);
		free(file);
	}
}

int main(int argc, char **argv)
{
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);

		if (!d) {
			run_file(argv[i]);
			continue;
		}
		run_folder(argv[i], d);
		closedir(d);
	}
	printf("%u inputs\n", inputs);
	return 0;
}
