using System.CommandLine;
using Slipway.Engine.Execution.Providers;

namespace Slipway.Cli.Verbs;

/// <summary>The options that say what runs a graph.</summary>
internal sealed class ProviderArguments
{
    private readonly Option<string?> _providers = new("--execution-provider", "--device")
    {
        Description = "What runs the model, the preferred one first, as 'cuda:1,cpu': "
            + $"{ExecutionProviders.Names}. {ExecutionProviders.Auto}, the first that can, unless told.",
    };

    private readonly Option<string[]> _options = new("--provider-option")
    {
        Description = "An option of an execution provider, as PROVIDER.NAME=VALUE, such as "
            + "cuda.gpu_mem_limit=8589934592; may be repeated.",
        DefaultValueFactory = _ => [],
    };

    public void AddTo(Command command)
    {
        command.Add(_providers);
        command.Add(_options);
    }

    /// <summary>The providers; null where none was named.</summary>
    /// <exception cref="UsageException">One is unknown.</exception>
    public IReadOnlyList<string>? Names(ParseResult result) => Read(result).ExecutionProviders;

    /// <summary>Options of the providers; null for none.</summary>
    /// <exception cref="UsageException">One is not of the form, or of a provider that is not named.</exception>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>? Options(ParseResult result)
        => Read(result).ExecutionProviderOptions;

    /// <summary>Both, with all other options as they are by default.</summary>
    /// <exception cref="UsageException">A provider is unknown, or an option is not of the form.</exception>
    public LanguageModelOptions Read(ParseResult result)
    {
        var options = new LanguageModelOptions
        {
            ExecutionProviders = result.GetValue(_providers)?.Split(
                ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
            ExecutionProviderOptions = result.GetValue(_options) is { Length: > 0 } texts
                ? texts.Select(Parse).GroupBy(item => item.Provider, StringComparer.OrdinalIgnoreCase).ToDictionary(
                    group => group.Key, Values, StringComparer.OrdinalIgnoreCase)
                : null,
        };
        return ProviderChoice.Errors(options, "").ToArray() is { Length: > 0 } errors
            ? throw new UsageException(string.Join(' ', errors)) : options;
    }

    private static IReadOnlyDictionary<string, string> Values(
        IEnumerable<(string Provider, string Name, string Value)> options)
    {
        Dictionary<string, string> values = [];
        foreach (var (_, name, value) in options)
        {
            values[name] = value;
        }

        return values;
    }

    private static (string Provider, string Name, string Value) Parse(string text)
        => text.Split('=', 2) is [var left, var value]
            && left.Split('.', 2) is [{ Length: > 0 } provider, { Length: > 0 } name]
            ? (provider, name, value)
            : throw new UsageException(
                $"'{text}' in --provider-option is not of the form PROVIDER.NAME=VALUE, such as "
                + "cuda.gpu_mem_limit=8589934592.");
}
