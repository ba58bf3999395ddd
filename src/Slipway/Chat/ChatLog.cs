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
}
