using System.Text.Json.Nodes;
using Slipway.Tokenization.Templates;
using Slipway.Tokenization.Templates.Syntax;

namespace Slipway.Tokenization;

/// <summary>A chat template: Jinja 3.1 as Hugging Face chat templates use it.</summary>
/// <remarks>
/// Immutable and safe for concurrent use. Templates come from strangers: they can only read the variables given, and
/// time, depth and output are bounded. White space is handled with <c>trim_blocks</c> and <c>lstrip_blocks</c>, and
/// nothing is escaped. All of Jinja's syntax, filters, tests and functions work, and the methods of Python's texts,
/// lists and dictionaries that change nothing, but for the following, which are refused by name: statements that join
/// templates (<c>block</c>, <c>extends</c>, <c>include</c>, <c>import</c>), <c>autoescape</c>, the filters
/// <c>pprint</c>, <c>random</c>, <c>striptags</c>, <c>urlize</c> and <c>wordwrap</c>, <c>lipsum</c>, and printing what
/// has no text of its own, such as a function or a generator (<c>x | map(…)</c> without <c>| list</c>). Source: the
/// Jinja template designer documentation.
/// </remarks>
public sealed class ChatTemplate
{
    private readonly Statement[] _body;

    private ChatTemplate(string source, Statement[] body) => (Source, _body) = (source, body);

    /// <summary>The template's text.</summary>
    public string Source { get; }

    /// <summary>Reads a template.</summary>
    /// <param name="source">Its text.</param>
    /// <exception cref="ChatTemplateException">The template is not valid.</exception>
    public static ChatTemplate Parse(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Length > Work.MaxSource)
        {
            throw new ChatTemplateException(
                $"the template has {source.Length} characters; at most {Work.MaxSource} are allowed.", 1);
        }

        return new ChatTemplate(
            source,
            Guard(() => new StatementParser(TemplateLexer.Read(source)).ParseTemplate(), CancellationToken.None));
    }

    /// <summary>Renders the template.</summary>
    /// <param name="variables">What the template can read: <c>messages</c>, <c>tools</c>,
    /// <c>add_generation_prompt</c>, <c>bos_token</c>, … It is not changed.</param>
    /// <param name="now">The time that <c>strftime_now</c> prints; the present where null.</param>
    /// <param name="zone">The time zone that <c>strftime_now('%Z')</c> names; the machine's own where null.</param>
    /// <param name="cancellationToken">Stops the rendering between two steps.</param>
    /// <exception cref="ChatTemplateException">The template calls <c>raise_exception</c>, uses what is undefined, or
    /// goes past a limit.</exception>
    /// <exception cref="OperationCanceledException">The rendering was cancelled.</exception>
    public string Render(
        JsonObject variables, DateTimeOffset? now = null, TimeZoneInfo? zone = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(variables);
        Strftime time = new(now ?? TimeProvider.System.GetLocalNow(), zone ?? TimeZoneInfo.Local);
        return Guard(() => new Interpreter(variables, time).Render(_body), cancellationToken);
    }

    private static T Guard<T>(Func<T> action, CancellationToken cancellationToken)
    {
        Work.Begin(cancellationToken);
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
        catch (InvalidOperationException exception)
            when (exception.InnerException is OperationCanceledException or InsufficientExecutionStackException)
        {
            throw exception.InnerException is OperationCanceledException
                ? new OperationCanceledException(cancellationToken)
                : new ChatTemplateException("the template is nested too deeply.", 1);
        }
        finally
        {
            Work.End();
        }
    }
}
