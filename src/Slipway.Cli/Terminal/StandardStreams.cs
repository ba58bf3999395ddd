namespace Slipway.Cli.Terminal;

/// <summary>Opens standard output and standard error so that a failed write is neither lost nor fatal.</summary>
/// <remarks>A terminal keeps the console's own writers, by which progress and tables know that it is one.</remarks>
internal static class StandardStreams
{
    private const int BufferSize = 1024;

    /// <summary>Standard output. A write that fails, also because a reader went away, fails the run.</summary>
    public static TextWriter OpenOutput() => Console.IsOutputRedirected && !OperatingSystem.IsWindows()
        ? Open(new DescriptorStream(1, "Standard output"))
        : Console.Out;

    /// <summary>
    /// Standard error. A write that fails is dropped: there is no other place to tell anything, and the exit code and
    /// standard output say what became of the run.
    /// </summary>
    public static TextWriter OpenError() => Console.IsErrorRedirected && !OperatingSystem.IsWindows()
        ? Open(new DescriptorStream(2, name: null))
        : Console.Error;

    private static TextWriter Open(Stream stream)
        => TextWriter.Synchronized(new StreamWriter(stream, Console.Out.Encoding, BufferSize) { AutoFlush = true });
}
