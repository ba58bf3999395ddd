namespace Slipway.Export;

/// <summary>Tells errors of a full disk from others, and says what to do about them.</summary>
internal static class FullDisk
{
    // As systems call it: ENOSPC, EDQUOT of macOS and of Linux, EFBIG, ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL.
    private static readonly int[] Codes = [28, 69, 122, 27, unchecked((int)0x80070070), unchecked((int)0x80070027)];

    public static bool IsCause(IOException exception) => Codes.Contains(exception.HResult);

    public static IOException Explain(string folder, IOException cause) => new(
        $"The package '{folder}' cannot be written, because its disk is full or allows no file of that size: "
        + $"{cause.Message.TrimEnd('.')}. Free space or choose a folder on another disk; nothing was left behind.",
        cause);
}
