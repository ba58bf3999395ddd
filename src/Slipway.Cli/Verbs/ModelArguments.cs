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

    public LanguageModelOptions Read(ParseResult result)
        => Providers.Read(result) with
        {
            Threads = Threads(result),
            KeyValueCacheBytes = result.GetValue(_keyValueCacheBytes),
            LoggerFactory = new WarningLog(context.Error),
        };
}
