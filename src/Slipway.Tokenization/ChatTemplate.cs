using System.Text.Json.Nodes;
using Slipway.Tokenization.Templates;

namespace Slipway.Tokenization;

/// <summary>A chat template: Jinja as Hugging Face chat templates use it.</summary>
/// <remarks>
/// Immutable and safe for concurrent use. Templates come from strangers: they can only read the variables given, and
/// time, depth and output are bounded. White space is handled with <c>trim_blocks</c> and <c>lstrip_blocks</c>.
/// Source: the Jinja template designer documentation.
/// </remarks>
public sealed class ChatTemplate
{
    private readonly Statement[] body;

    private ChatTemplate(string source, Statement[] body) => (Source, this.body) = (source, body);

    /// <summary>The template's text.</summary>
    public string Source { get; }

    /// <summary>Reads a template.</summary>
    /// <param name="source">Its text.</param>
    /// <exception cref="ChatTemplateException">The template is not valid.</exception>
    public static ChatTemplate Parse(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Length > Work.MaximumSource)
        {
            throw new ChatTemplateException(
                $"the template has {source.Length} characters; at most {Work.MaximumSource} are allowed.", 1);
        }

        return new ChatTemplate(source, Guard(() => new StatementParser(TemplateLexer.Read(source)).ParseTemplate()));
    }

    /// <summary>Renders the template.</summary>
    /// <param name="variables">What the template can read: <c>messages</c>, <c>tools</c>,
    /// <c>add_generation_prompt</c>, <c>bos_token</c>, … It is not changed.</param>
    /// <param name="now">The time that <c>strftime_now</c> prints; the present where null.</param>
    /// <exception cref="ChatTemplateException">The template calls <c>raise_exception</c>, uses what is undefined, or
    /// goes past a limit.</exception>
    public string Render(JsonObject variables, DateTimeOffset? now = null)
    {
        ArgumentNullException.ThrowIfNull(variables);
        return Guard(() => new Interpreter(variables, now ?? TimeProvider.System.GetLocalNow()).Render(body));
    }

    private static T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (InsufficientExecutionStackException)
        {
            throw new ChatTemplateException("the template is nested too deeply.", 1);
        }
        catch (InvalidOperationException exception) when (exception.InnerException is ChatTemplateException cause)
        {
            // Sorting wraps what a comparison throws.
            throw new ChatTemplateException(cause);
        }
    }
}
