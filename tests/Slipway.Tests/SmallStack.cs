using System.Runtime.ExceptionServices;

namespace Slipway.Tests;

/// <summary>Runs code on a thread of little stack, as Windows, Alpine and thread pools of a host's own have.</summary>
internal static class SmallStack
{
    private const int Bytes = 256 * 1024;

    /// <summary>Runs an action; returns what it threw, null for nothing.</summary>
    public static Exception? Run(Action action)
    {
        ExceptionDispatchInfo? thrown = null;
        var thread = new Thread(() => thrown = Catch(action), Bytes);
        thread.Start();
        thread.Join();
        return thrown?.SourceException;
    }

    private static ExceptionDispatchInfo? Catch(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception e)
        {
            return ExceptionDispatchInfo.Capture(e);
        }
    }
}
