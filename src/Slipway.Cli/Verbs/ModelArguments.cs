using System.CommandLine;

namespace Slipway.Cli.Verbs;

/// <summary>The options that say what a loaded model may use.</summary>
internal sealed class ModelArguments
{
    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "Threads that compute; one a physical core unless told.",
    };

    private readonly Option<long?> _keyValueCacheBytes = new("--kv-cache-bytes")
    {
        Description = "The most bytes of keys and values; half of the free memory unless told.",
    };

    public void AddTo(Command command)
    {
        command.Add(_threads);
        command.Add(_keyValueCacheBytes);
    }

    public int? Threads(ParseResult result) => result.GetValue(_threads);

    public LanguageModelOptions Read(ParseResult result)
        => new() { Threads = Threads(result), KeyValueCacheBytes = result.GetValue(_keyValueCacheBytes) };
}
