// SPDX-License-Identifier: Apache-2.0
/*
 * One static program in several parts, by the name that it is started under: the programs of a root
 * and their stand-ins print who they are and their words; the loader starts what it is given, as a
 * dynamic loader does; "driver" starts programs in every way there is.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int show(int argc, char **argv) {
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n < 0 ? 0 : n] = '\0';
    printf("%s:", self);
    for (int i = 0; i < argc && i < 12; i++) {
        printf(" [%s]", argv[i]);
    }
    printf(argc > 12 ? " ... %d\n" : "\n", argc);
    fflush(stdout);
    return argc > 1 && strcmp(argv[argc - 1], "fail") == 0 ? 7 : 0;
}

/* --argv0 NAME --library-path FOLDERS PROGRAM WORDS... */
static int load(int argc, char **argv) {
    char **words = calloc((size_t)argc, sizeof *words);
    if (argc < 6 || strcmp(argv[1], "--argv0") != 0 || strcmp(argv[3], "--library-path") != 0) {
        return 99;
    }
    words[0] = argv[2];
    for (int i = 6; i < argc; i++) {
        words[i - 5] = argv[i];
    }
    execv(argv[5], words);
    return 98;
}

/* --- ways to start "/bin/tool a b" ------------------------------------------------------------ */

static char *const words[] = { "tool", "a", "b", NULL };

static int absolute(void) {
    return execv("/bin/tool", words);
}

static int relative(void) {
    return chdir("/usr") < 0 ? -1 : execv("../bin/tool", words);
}

static int by_folder(void) {
    int fd = open("/bin", O_PATH | O_DIRECTORY);
    return (int)syscall(SYS_execveat, fd, "tool", words, environ, 0);
}

static int by_fd(void) {
    int fd = open("/bin/tool", O_PATH);
    return (int)syscall(SYS_execveat, fd, "", words, environ, AT_EMPTY_PATH);
}

static int at_cwd(void) {
    return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/tool", words, environ, 0);
}

static int by_link(void) {
    return execv("/bin/link-to-tool", words);
}

static int no_words(void) {
    char *const none[] = { NULL };
    return execv("/bin/tool", none);
}

static int no_environment(void) {
    return (int)syscall(SYS_execve, "/bin/tool", words, NULL);
}

static int missing(void) {
    return execv("/bin/nosuch", words);
}

static int forbidden(void) {
    return execv("/bin/not-executable", words);
}

static int bad_address(void) {
    return (int)syscall(SYS_execve, (char *)16, words, environ);
}

static int bad_list(void) {
    return (int)syscall(SYS_execve, "/bin/tool", (char **)16, environ);
}

static int preloaded(void) {
    return setenv("LD_PRELOAD", "libfake.so", 1) < 0 ? -1 : execv("/bin/tool", words);
}

static int preload_empty(void) {
    return setenv("LD_PRELOAD", "", 1) < 0 ? -1 : execv("/bin/tool", words);
}

static int many_words(void) {
    enum { COUNT = 9000 };
    char **many = calloc(COUNT + 1, sizeof *many);
    for (int i = 0; i < COUNT; i++) {
        many[i] = "w";
    }
    return execv("/bin/tool", many);
}

static int too_many_words(void) {
    enum { COUNT = 40000 };
    char **many = calloc(COUNT + 1, sizeof *many);
    for (int i = 0; i < COUNT; i++) {
        many[i] = "w";
    }
    return execv("/bin/tool", many);
}

static int small_stack(void) {
    struct rlimit limit = { 160 * 1024, 160 * 1024 };
    return setrlimit(RLIMIT_STACK, &limit) < 0 ? -1 : execv("/bin/tool", words);
}

static void *in_thread(void *unused) {
    execv("/bin/tool", words);
    return unused;
}

static int from_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
    return -1;
}

static int finish(pid_t pid) {
    int status = -1;
    waitpid(pid, &status, 0);
    printf("status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    return 0;
}

static int spawned(void) {
    pid_t pid = -1;
    char *const list[] = { "tool", "fail", NULL };
    posix_spawn(&pid, "/bin/tool", NULL, NULL, list, environ);
    return finish(pid);
}

static int after_vfork(void) {
    pid_t pid = vfork();
    if (pid == 0) {
        execv("/bin/tool", words);
        _exit(1);
    }
    return finish(pid);
}

static int many_children(void) {
    enum { COUNT = 200 };
    int good = 0;
    for (int i = 0; i < COUNT; i++) {
        if (fork() == 0) {
            close(1);
            open("/dev/null", O_WRONLY);
            execv("/bin/tool", words);
            _exit(1);
        }
    }
    for (int i = 0; i < COUNT; i++) {
        int status;
        wait(&status);
        good += status == 0;
    }
    printf("good %d\n", good);
    return 0;
}

/* Stopped and continued as a shell does it with jobs: nobody may notice the tracer. */
static int stopped(void) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        raise(SIGSTOP);
        execv("/bin/tool", words);
        _exit(1);
    }
    waitpid(pid, &status, WUNTRACED);
    printf("stopped %d\n", WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    fflush(stdout);
    kill(pid, SIGCONT);
    return finish(pid);
}

static volatile sig_atomic_t seen;
static void note(int number) {
    seen = number;
}

static int signalled(void) {
    signal(SIGUSR1, note);
    kill(getpid(), SIGUSR1);
    printf("seen %d\n", seen == SIGUSR1);
    pid_t pid = fork();
    if (pid == 0) {
        kill(getpid(), SIGTERM);
        pause();
    }
    return finish(pid);
}

/* What it leaves running ends with it. */
static int daemons(void) {
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            sleep(1000);
        }
        _exit(0);
    }
    wait(NULL);
    printf("left\n");
    return 0;
}

static int script(void) {
    return execl("/bin/script", "script", "c", "d e", NULL);
}

static int script_here(void) {
    return chdir("/bin") < 0 ? -1 : execl("./script", "script", "c", NULL);
}

static int only_script(void) {
    return execl("/bin/only-script", "only-script", "c", NULL);
}

static int only_script_by_hand(void) {
    return execl("/bin/only", "only", "-w", "/bin/only-script", "c", NULL);
}

static int only_other(void) {
    return execl("/bin/only", "only", "/bin/script", "c", NULL);
}

static int only_module(void) {
    return execl("/bin/only", "only", "-E", "-m", "module", "c", NULL);
}

static int inside_usr(void) {
    return execl("/usr/bin/tool", "tool", "c", NULL);
}

static int without_standin(void) {
    return execl("/bin/other", "other", "c", NULL);
}

static int in_other_root(void) {
    return chroot("/elsewhere") < 0 || chdir("/") < 0 ? -1 : execv("/bin/tool", words);
}

static int loop(void) {
    return execl("/bin/loop", "loop", NULL);
}

static int long_line(void) {
    return execl("/bin/long-line", "long-line", NULL);
}

#define WAY(name)                                                                                  \
    { #name, name }
static const struct {
    const char *name;
    int (*run)(void);
} ways[] = {
    WAY(absolute),        WAY(relative),       WAY(by_folder),
    WAY(by_fd),           WAY(at_cwd),         WAY(by_link),
    WAY(no_words),        WAY(no_environment), WAY(missing),
    WAY(forbidden),       WAY(bad_address),    WAY(bad_list),
    WAY(preloaded),       WAY(many_words),     WAY(too_many_words),
    WAY(small_stack),     WAY(from_thread),    WAY(spawned),
    WAY(after_vfork),     WAY(many_children),  WAY(stopped),
    WAY(signalled),       WAY(daemons),        WAY(script),
    WAY(script_here),     WAY(only_script),    WAY(only_script_by_hand),
    WAY(only_other),      WAY(only_module),    WAY(inside_usr),
    WAY(without_standin), WAY(in_other_root),  WAY(loop),
    WAY(long_line),       WAY(preload_empty),
};

static int drive(const char *way) {
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i].name, way) == 0) {
            if (ways[i].run() == 0) {
                return 0;
            }
            printf("%s\n", strerror(errno));
            return 1;
        }
    }
    return 97;
}

int main(int argc, char **argv) {
    char self[4096] = "";
    (void)!readlink("/proc/self/exe", self, sizeof self - 1);
    const char *name = basename(self);
    if (strcmp(name, "loader") == 0) {
        return load(argc, argv);
    }
    return strcmp(name, "driver") == 0 && argc > 1 ? drive(argv[1]) : show(argc, argv);
}
