namespace Slipway.Tracing.Recording;

/// <summary>Reads what libtorch says of an error without the native frames behind it.</summary>
internal static class TorchMessage
{
    private const string Frames = "Exception raised from";

    public static string Of(Exception exception)
    {
        var at = exception.Message.IndexOf(Frames, StringComparison.Ordinal);
        return (at < 0 ? exception.Message : exception.Message[..at]).Trim();
    }
}
