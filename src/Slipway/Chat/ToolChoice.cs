using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Decides how tools are offered and how a call is made to happen.</summary>
internal static class ToolChoice
{
    /// <summary>The format in which a model that is offered tools calls them.</summary>
    /// <exception cref="NotSupportedException">The template has no place for tools, or its format is unknown, and they
    /// are not to be described.</exception>
    public static ToolCallFormat RequireFormat(TemplateTraits traits, string modelId, bool describes)
    {
        if (traits.Tools is null && !describes)
        {
            throw new NotSupportedException(
                $"ChatOptions.Tools offers functions, but the chat template of '{modelId}' has no place for them. Use "
                + "a model that was trained to call tools, set DescribeTools of the client's options, or leave Tools "
                + "empty.");
        }

        return traits.Calls ?? (describes ? ToolCallFormats.Fallback : throw new NotSupportedException(
            $"ChatOptions.Tools offers functions, but the format in which '{modelId}' writes tool calls is unknown. "
            + $"Known are: {string.Join(", ", ToolCallFormats.All.Select(format => $"'{format.Name}'"))}. Give one to "
            + "ToolCallFormats of the client's options, set DescribeTools, or leave Tools empty."));
    }

    /// <summary>Tells whether tools stand in a prompt of this client's own.</summary>
    public static bool Describes(TemplateTraits traits) => traits is not { Tools: not null, Calls: not null };

    /// <summary>The text that an answer must begin with to be the required call; null where none is required.</summary>
    /// <exception cref="ArgumentException">The required function is not among the tools.</exception>
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
        return format.Prefix(name);
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
