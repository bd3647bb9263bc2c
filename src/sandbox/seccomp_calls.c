// SPDX-License-Identifier: Apache-2.0
/*
 * The system calls that a build step may make, and those that it is refused by name. What is in
 * neither list, above all what a kernel has learned since, is ENOSYS, and programs do without.
 * The start was what Docker's default profile allows; see syscalls(2).
 */
#include "sandbox/internal.h"

/* clang-format off */
const char seccomp_allowed[] =
    /* files */
    "access cachestat chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 "
    "fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync "
    "fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 "
    "futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch "
    "ioctl lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr lremovexattr lseek _llseek lsetxattr lstat "
    "lstat64 mkdir mkdirat mknod mknodat newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev "
    "pwritev2 read readahead readlink readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir sendfile "
    "sendfile64 setxattr setxattrat splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range "
    "sync_file_range2 arm_sync_file_range arm_fadvise64_64 syncfs tee truncate truncate64 umask unlink unlinkat utime "
    "utimensat utimensat_time64 utimes vmsplice write writev "
    /* waiting */
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 "
    "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit poll ppoll ppoll_time64 pselect6 "
    "pselect6_time64 select _newselect signalfd signalfd4 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
    "timerfd_settime64 "
    /* memory */
    "brk get_mempolicy madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 "
    "mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease "
    "remap_file_pages cacheflush "
    /* processes and threads */
    "arch_prctl capget capset chroot clone execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait "
    "futex_waitv futex_wake getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp "
    "getpid getppid getpriority getresgid getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid "
    "get_thread_area gettid getuid getuid32 ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset "
    "landlock_restrict_self modify_ldt nice pause personality pidfd_open pidfd_send_signal prctl prlimit64 process_vm_readv "
    "process_vm_writev ptrace restart_syscall riscv_flush_icache riscv_hwprobe rseq sched_getaffinity sched_getattr "
    "sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval "
    "sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp "
    "setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid setregid32 "
    "setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid set_thread_area "
    "set_tid_address set_tls setuid setuid32 sysinfo times ugetrlimit uname vfork wait4 waitid waitpid breakpoint "
    /* signals and clocks */
    "adjtimex alarm clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 "
    "getitimer gettimeofday nanosleep rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
    "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo setitimer sigaction sigaltstack signal sigpending sigprocmask "
    "sigreturn sigsuspend tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
    "timer_settime64 tkill uretprobe "
    /* talking to others */
    "accept accept4 bind connect getpeername getrandom getsockname getsockopt ipc listen mq_getsetattr mq_notify mq_open "
    "mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd recv "
    "recvfrom recvmmsg recvmmsg_time64 recvmsg semctl semget semop semtimedop semtimedop_time64 send sendmmsg sendmsg sendto "
    "setsockopt shmat shmctl shmdt shmget shutdown socket socketcall socketpair";

/* EPERM: what changes the host's kernel, clock or names, leaves a namespace, or has often been the way into the kernel,
 * although a capability or a namespace might let it. Programs know that answer. */
const char seccomp_denied[] =
    "acct add_key bpf clock_adjtime clock_adjtime64 clock_settime clock_settime64 delete_module fanotify_init fanotify_mark "
    "finit_module fsconfig fsmount fsopen fspick init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp "
    "kexec_file_load kexec_load keyctl lookup_dcookie mbind migrate_pages mount mount_setattr move_mount move_pages "
    "name_to_handle_at nfsservctl open_by_handle_at open_tree pciconfig_iobase pciconfig_read pciconfig_write perf_event_open "
    "pidfd_getfd pivot_root process_madvise quotactl quotactl_fd reboot request_key set_mempolicy set_mempolicy_home_node "
    "setdomainname sethostname setns settimeofday stime swapoff swapon _sysctl sysfs syslog umount umount2 unshare "
    "userfaultfd uselib ustat vhangup vm86 vm86old";
/* clang-format on */
