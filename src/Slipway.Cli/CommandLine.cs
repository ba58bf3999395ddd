using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using Slipway.Cli.Hub;
using Slipway.Cli.Verbs;

namespace Slipway.Cli;

/// <summary>The tool <c>slipway</c>: its verbs, and what becomes of their errors.</summary>
internal static class CommandLine
{
    private const int Failed = 1;
    private const int WrongUsage = 2;
    private const int Interrupted = 130;

    // One row a verb.
    private static readonly Func<VerbContext, Command>[] Verbs =
    [
        TrainVerb.Create, ExportVerb.Create, QuantizeVerb.Create, InspectVerb.Create, RunVerb.Create,
        GenerateVerb.Create, ChatVerb.Create, EmbedVerb.Create, RerankVerb.Create, ClassifyVerb.Create,
        TokenizeVerb.Create, RenderVerb.Create, ServeVerb.Create, HealthVerb.Create,
        EvalVerb.Create, BenchVerb.Create, PullVerb.Create, DoctorVerb.Create,
    ];

    /// <summary>Runs one command.</summary>
    /// <returns>0 for success, 1 for a failed run, 2 for wrong usage, 130 for an interrupted one.</returns>
    public static async Task<int> RunAsync(
        string[] args, TextWriter output, TextWriter error, TextReader input,
        CancellationToken cancellationToken = default)
    {
        // Options are parsed, and figures written, in the culture of the run; a caller's own comes back with it.
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var context = new VerbContext(output, error, input);
        var root = new RootCommand(
            "Train, export and serve language models with .NET. 'slipway VERB --help' says more.");
        foreach (var verb in Verbs)
        {
            root.Add(verb(context));
        }

        var parsed = root.Parse(args);
        var configuration = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        try
        {
            if (HubSources.Any(parsed))
            {
                parsed = root.Parse(HubSources.Resolve(
                    parsed, args, HubSettings.FromEnvironment(Environment.GetEnvironmentVariable)));
            }

            var code = await parsed.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
            return parsed.Action is ParseErrorAction ? WrongUsage : code;
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("slipway: interrupted.").ConfigureAwait(false);
            return Interrupted;
        }
        catch (Exception exception) when (Expected(Cause(exception)))
        {
            await error.WriteLineAsync($"slipway: {Message(Cause(exception))}").ConfigureAwait(false);
            return parsed.Action is ParseErrorAction ? WrongUsage : Failed;
        }
        catch (Exception exception)
        {
            await error.WriteLineAsync($"slipway: a defect of this program: {exception}").ConfigureAwait(false);
            return Failed;
        }
    }

    // What input, files and machines can cause; anything else is a defect and keeps its stack trace.
    private static bool Expected(Exception exception) => exception is
        IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException
        or NotSupportedException or UsageException or Tracing.ModuleMismatchException
        or System.Text.Json.JsonException or Tokenization.ChatTemplateException or QueueFullException
        or Training.Recipes.RecipeException or Training.Running.TrainingException or Training.Corpus.GrammarException
        or Training.Models.ModelConfigException or Microsoft.ML.OnnxRuntime.OnnxRuntimeException
        or InvalidOperationException { InnerException: Microsoft.ML.OnnxRuntime.OnnxRuntimeException }
        or DllNotFoundException or OutOfMemoryException;

    // What parallel work and the first use of a type wrap.
    private static Exception Cause(Exception exception)
        => exception is AggregateException or TypeInitializationException && exception.InnerException is { } inner
            ? Cause(inner)
            : exception;

    // One line: '(Parameter 'x')' is for programmers.
    private static string Message(Exception exception)
    {
        if (exception is FileNotFoundException && IsWorkingDirectoryGone())
        {
            return "The working directory no longer exists. Change to one that does.";
        }

        var message = exception.Message;
        var parameter = message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return (parameter > 0 ? message[..parameter] : message).ReplaceLineEndings(" ");
    }

    private static bool IsWorkingDirectoryGone()
    {
        try
        {
            return !Directory.Exists(Directory.GetCurrentDirectory());
        }
        catch (IOException)
        {
            return true;
        }
    }
}
