using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Decides how tools are offered and how a call is made to happen.</summary>
internal static class ToolChoice
{
    /// <summary>The format in which a model that is offered tools calls them.</summary>
    /// <exception cref="NotSupportedException">The template has no place for tools, or its format is
    /// unknown.</exception>
    public static ToolCallFormat RequireFormat(string template, string modelId)
    {
        if (!template.Contains("tools", StringComparison.Ordinal))
        {
            throw new NotSupportedException(
                $"ChatOptions.Tools offers functions, but the chat template of '{modelId}' has no place for them. Use "
                + "a model that was trained to call tools, or leave Tools empty.");
        }

        return ToolCallFormats.For(template) ?? throw new NotSupportedException(
            $"ChatOptions.Tools offers functions, but the format in which '{modelId}' writes tool calls is unknown. "
            + $"Known are: {string.Join(", ", ToolCallFormats.All.Select(format => $"'{format.Name}'"))}. Add a row to "
            + "ToolCallFormats, or leave Tools empty.");
    }

    /// <summary>The text that an answer must begin with to be the required call; null where none is required.</summary>
    /// <exception cref="ArgumentException">The required function is not among the tools.</exception>
    /// <exception cref="NotSupportedException">The model's format cannot be forced.</exception>
    public static string? ForcedStart(ChatOptions? options, ToolCallFormat? format)
    {
        if (options?.ToolMode is not RequiredChatToolMode required)
        {
            return null;
        }

        if (format is null)
        {
            throw new ArgumentException(
                "ChatOptions.ToolMode requires a tool call, but ChatOptions.Tools is empty. Offer at least one "
                + "function.",
                nameof(options));
        }

        var name = required.RequiredFunctionName;
        if (name is not null && options.Tools!.All(tool => tool.Name != name))
        {
            throw new ArgumentException(
                $"ChatOptions.ToolMode requires the function '{Excerpt.Of(name)}', which is not among the tools: "
                + $"{Excerpt.OfList(options.Tools!.Select(tool => tool.Name))}. Offer it, or require another.",
                nameof(options));
        }

        name ??= options.Tools!.Count == 1 ? options.Tools[0].Name : null;
        return format.Prefix(name) ?? throw new NotSupportedException(
            $"ChatOptions.ToolMode requires a tool call, but calls in the format '{format.Name}' cannot be forced. Set "
            + "ChatToolMode.Auto.");
    }

    /// <summary>Keeps a malformed call from being run without the arguments that it was meant to have.</summary>
    /// <remarks>
    /// Where a function requires arguments, its invocation fails and the model is told. Where it requires none it would
    /// run with its defaults, which nobody asked for; such a call is only shown.
    /// </remarks>
    public static void Protect(FunctionCallContent call, ChatOptions? options)
    {
        if (call.Exception is not null
            && options?.Tools?.FirstOrDefault(tool => tool.Name == call.Name) is AIFunctionDeclaration function
            && TemplateTools.RequiresNothing(function))
        {
            call.InformationalOnly = true;
        }
    }
}
