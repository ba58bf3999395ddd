using System.CommandLine;
using Slipway.Cli.Terminal;

namespace Slipway.Cli.Verbs;

/// <summary>The options that say what a loaded model may use.</summary>
/// <param name="context">Where warnings of models go.</param>
internal sealed class ModelArguments(VerbContext context)
{
    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "Threads that compute; one a physical core unless told.",
    };

    private readonly Option<long?> _keyValueCacheBytes = new("--kv-cache-bytes")
    {
        Description = "The most bytes of keys and values; half of the free memory unless told.",
    };

    public ProviderArguments Providers { get; } = new();

    public void AddTo(Command command)
    {
        command.Add(_threads);
        Providers.AddTo(command);
        command.Add(_keyValueCacheBytes);
    }

    public int? Threads(ParseResult result) => result.GetValue(_threads);

    /// <summary>The options that the flags say.</summary>
    /// <param name="result">What was given.</param>
    /// <param name="from">What holds where no flag says otherwise; null for the defaults.</param>
    public LanguageModelOptions Read(ParseResult result, LanguageModelOptions? from = null)
    {
        var (options, providers) = (from ?? new(), Providers.Read(result));
        return options with
        {
            ExecutionProviders = providers.ExecutionProviders ?? options.ExecutionProviders,
            ExecutionProviderOptions = providers.ExecutionProviderOptions ?? options.ExecutionProviderOptions,
            Threads = Threads(result) ?? options.Threads,
            KeyValueCacheBytes = result.GetValue(_keyValueCacheBytes) ?? options.KeyValueCacheBytes,
            LoggerFactory = new WarningLog(context.Error),
        };
    }
}
