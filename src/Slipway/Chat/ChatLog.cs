using Microsoft.Extensions.Logging;

namespace Slipway.Chat;

/// <summary>Events of chat clients. None of them holds a prompt's or an answer's text.</summary>
internal static partial class ChatLog
{
    [LoggerMessage(
        1, LogLevel.Information,
        "The chat template of '{ModelId}' has no place for tools or tells no format of calls: tools are described in "
        + "the system message, calls are written in the format '{Format}'. Set DescribeTools to false to refuse them.")]
    public static partial void ToolsDescribed(ILogger logger, string modelId, string format);

    [LoggerMessage(2, LogLevel.Information, "The model '{ModelId}' was loaded from '{Path}' in {Milliseconds} ms.")]
    public static partial void ModelLoaded(ILogger logger, string modelId, string path, long milliseconds);

    [LoggerMessage(3, LogLevel.Error, "The model '{ModelId}' could not be loaded from '{Path}'.")]
    public static partial void LoadFailed(ILogger logger, Exception exception, string modelId, string path);

    [LoggerMessage(
        4, LogLevel.Warning,
        "The template '{File}' of '{ModelId}' was edited since the package was made. It is used as it is now.")]
    public static partial void TemplateEdited(ILogger logger, string file, string modelId);

    [LoggerMessage(
        5, LogLevel.Information,
        "The model '{ModelId}' was unloaded after '{Idle}' without a request; the next one loads it again.")]
    public static partial void ModelUnloaded(ILogger logger, string modelId, TimeSpan idle);
}
