namespace Slipway.CodeRunner.Confinement;

/// <summary>Lists the system calls that a program under test may not make, and the error that it gets.</summary>
/// <remarks>
/// Numbers are those of x64 (<c>arch/x86/entry/syscalls/syscall_64.tbl</c>). The errors say what was refused:
/// "Network is unreachable", "Permission denied" for files, "Operation not permitted" for processes and the machine.
/// </remarks>
internal static class DeniedCalls
{
    public const int NotPermitted = 1;
    public const int NoMemory = 12;
    public const int AccessDenied = 13;
    public const int NotImplemented = 38;
    public const int NetworkUnreachable = 101;

    public const int Open = 2;
    public const int MapMemory = 9;
    public const int Clone = 56;
    public const int Kill = 62;
    public const int KillThread = 234;
    public const int OpenAt = 257;
    public const int SetLimitOf = 302;

    public static readonly (int Error, int[] Numbers)[] All =
    [
        // socket
        (NetworkUnreachable, [41]),

        // fork, vfork
        (NotPermitted, [57, 58]),

        // clone3 and openat2, whose arguments a filter cannot see: libraries fall back to clone and openat.
        (NotImplemented, [435, 437]),

        // creat, truncate, rename, mkdir, rmdir, link, unlink, symlink, chmod, fchmod, chown, fchown, lchown
        (AccessDenied, [85, 76, 82, 83, 84, 86, 87, 88, 90, 91, 92, 93, 94]),

        // utime, mknod, utimes, mkdirat, mknodat, fchownat, futimesat, unlinkat, renameat, linkat, symlinkat, fchmodat
        (AccessDenied, [132, 133, 235, 258, 259, 260, 261, 263, 264, 265, 266, 268]),

        // utimensat, extended attributes, renameat2, memfd_create, fchmodat2, open_by_handle_at, mq_open
        (AccessDenied, [280, 188, 189, 190, 197, 198, 199, 316, 319, 452, 463, 466, 304, 240]),

        // shmget, semget, msgget, memfd_secret: memory and objects that outlive the process or escape its limits.
        (NotPermitted, [29, 64, 68, 447]),

        // ptrace, process_vm_readv and _writev, pidfd_open, _send_signal and _getfd, tkill, rt_sigqueueinfo of both
        // kinds
        (NotPermitted, [101, 310, 311, 434, 424, 438, 200, 129, 297]),

        // mount, umount2, pivot_root, chroot, setns, unshare, open_tree, move_mount, fsopen, mount_setattr
        (NotPermitted, [165, 166, 155, 161, 308, 272, 428, 429, 430, 442]),

        // bpf, perf_event_open, userfaultfd, keys, io_uring_setup, io_setup, personality
        (NotPermitted, [321, 298, 323, 248, 249, 250, 425, 206, 135]),

        // Modules, kexec, reboot, swap, acct, clocks, names, ports, quotas, the kernel's log.
        (NotPermitted, [175, 313, 176, 246, 320, 169, 167, 168, 163, 164, 227, 159, 305, 170, 171, 172, 173, 179, 103]),
    ];
}
