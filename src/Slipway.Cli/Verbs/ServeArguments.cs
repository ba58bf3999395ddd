using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Configuration;
using Slipway.AspNetCore;
using Slipway.Packaging;

namespace Slipway.Cli.Verbs;

/// <summary>The options of <c>serve</c>; what a flag leaves open comes from configuration.</summary>
internal sealed class ServeArguments(VerbContext context)
{
    private readonly Argument<string[]> _models = new("PACKAGES")
    {
        Description = "Package folders, each served under its own name or as NAME=FOLDER.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<int> _port = new("--port")
    {
        Description = "The port; 0 takes a free one.", DefaultValueFactory = _ => 8080,
    };

    private readonly Option<string> _host = new("--host")
    {
        Description = "The address to listen on; others than the loopback's need a key.",
        DefaultValueFactory = _ => "127.0.0.1",
    };

    private readonly Option<string[]> _keys = new("--api-key")
    {
        Description = "A key that requests must carry; several may be given. Better in the environment, as "
            + "SLIPWAY_Server__ApiKeys__0, where no list of processes shows it.",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<bool> _anonymous = new("--allow-anonymous")
    {
        Description = "Listen on an address that others reach though no key is asked for.",
    };

    private readonly Option<string[]> _origins = new("--cors")
    {
        Description = "An origin whose pages may send requests, such as https://app.example; none unless told.",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<int?> _perMinute = new("--requests-per-minute")
    {
        Description = "The most requests of a key in a minute; any number unless told.",
    };

    private readonly Option<int?> _concurrent = new("--concurrent-requests")
    {
        Description = "The most requests of a key at the same time; any number unless told.",
    };

    private readonly Option<string?> _responses = new("--responses")
    {
        Description = "A file that keeps what /v1/responses answered; in memory unless told.",
    };

    private readonly Option<double?> _idle = new("--idle-timeout")
    {
        Description = "Seconds without a request after which a model is unloaded; the next request loads it again. "
            + "Never unless told.",
    };

    private readonly Option<string?> _memory = new("--memory")
    {
        Description = "The most bytes of all models together, weights, keys and values, such as 8GiB; a model that is "
            + "unused is unloaded where another needs its room. Half of the free memory, weights apart, unless told.",
    };

    private readonly Option<bool> _loadAtStart = new("--load-at-start")
    {
        Description = "Load all models at once, instead of each with its first request; /health is ready only then.",
    };

    private readonly Option<string[]> _aliases = new("--alias")
    {
        Description = "A further name of a model, as NAME=MODEL; may be repeated.", DefaultValueFactory = _ => [],
    };

    private readonly Option<string?> _adapters = new("--adapters-folder")
    {
        Description = "A folder of LoRA adapters that requests may add to running models, by "
            + "/v1/load_lora_adapter; none unless told.",
    };

    private readonly Option<bool> _logJson = new("--log-json")
    {
        Description = "Write log lines as JSON.",
    };

    private readonly Option<int> _drain = new("--drain-seconds")
    {
        Description = "The longest time that answers in flight have to end when the server is stopped.",
        DefaultValueFactory = _ => 30,
    };

    private readonly Option<bool> _noPage = new("--no-page")
    {
        Description = "Serve the API alone, without the page at the root that tries the models.",
    };

    private readonly ModelArguments _resources = new(context);

    public void AddTo(Command command)
    {
        command.Add(_models);
        command.Add(_port);
        command.Add(_host);
        command.Add(_keys);
        command.Add(_anonymous);
        command.Add(_origins);
        command.Add(_perMinute);
        command.Add(_concurrent);
        command.Add(_responses);
        command.Add(_idle);
        command.Add(_memory);
        command.Add(_loadAtStart);
        command.Add(_aliases);
        command.Add(_adapters);
        command.Add(_logJson);
        command.Add(_drain);
        command.Add(_noPage);
        _resources.AddTo(command);
    }

    /// <summary>The models by their names.</summary>
    /// <exception cref="UsageException">A name is empty or given twice.</exception>
    /// <exception cref="DirectoryNotFoundException">A folder is missing.</exception>
    public IReadOnlyList<(string Name, string Folder)> Models(ParseResult result)
    {
        var models = result.GetRequiredValue(_models).Select(Model).ToArray();
        return models.GroupBy(model => model.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1)
            is { } twice
            ? throw new UsageException(
                $"Two packages are called '{twice.Key}'. Name them, as in NAME={twice.First().Folder}.")
            : models;
    }

    /// <summary>The address to listen on.</summary>
    /// <exception cref="UsageException">There is no such address, or others would reach it without a key.</exception>
    public IPEndPoint EndPoint(ParseResult result, bool asksForKey)
    {
        var host = result.GetRequiredValue(_host);
        var address = host == "localhost" ? IPAddress.Loopback
            : IPAddress.TryParse(host, out var parsed) ? parsed
            : throw new UsageException($"'{host}' in --host is no address; expected one such as 127.0.0.1 or 0.0.0.0.");
        var port = result.GetValue(_port);
        if (port is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
        {
            throw new UsageException($"--port is '{port}'; expected from 0 to {IPEndPoint.MaxPort}.");
        }

        return IPAddress.IsLoopback(address) || asksForKey || result.GetValue(_anonymous)
            ? new IPEndPoint(address, port)
            : throw new UsageException(
                $"Others can reach '{address}', and no key is asked for. Give --api-key, listen on 127.0.0.1, or say "
                + "--allow-anonymous.");
    }

    /// <summary>Settings of configuration, and the flags over them.</summary>
    /// <exception cref="UsageException">A setting is unknown, or of another type.</exception>
    public OpenAIServerOptions Options(ParseResult result, IConfigurationSection section)
    {
        var options = ServeSettings.Read<OpenAIServerOptions>(section);
        options.ApiKeys = [.. options.ApiKeys, .. result.GetValue(_keys) ?? []];
        options.RequestsPerMinute = result.GetValue(_perMinute) ?? options.RequestsPerMinute;
        options.ConcurrentRequests = result.GetValue(_concurrent) ?? options.ConcurrentRequests;
        options.ResponsesPath = result.GetValue(_responses) ?? options.ResponsesPath;
        options.AdaptersPath = result.GetValue(_adapters) ?? options.AdaptersPath;
        options.LoadAtStart |= result.GetValue(_loadAtStart);
        return options.AdaptersPath is null || Directory.Exists(options.AdaptersPath) ? options
            : throw new DirectoryNotFoundException(
                $"There is no folder '{options.AdaptersPath}'; expected one of adapters.");
    }

    /// <summary>Copies options to those of the services.</summary>
    public static void Apply(OpenAIServerOptions from, OpenAIServerOptions to)
    {
        to.ApiKeys = from.ApiKeys;
        to.RequestsPerMinute = from.RequestsPerMinute;
        to.ConcurrentRequests = from.ConcurrentRequests;
        to.MaxRequestBytes = from.MaxRequestBytes;
        to.ResponsesPath = from.ResponsesPath;
        to.MaxStoredResponses = from.MaxStoredResponses;
        to.RequestTimeout = from.RequestTimeout;
        to.SendTimeout = from.SendTimeout;
        to.LoadAtStart = from.LoadAtStart;
        to.AdaptersPath = from.AdaptersPath;
    }

    public bool LogsJson(ParseResult result) => result.GetValue(_logJson);

    /// <summary>The time that answers in flight have to end.</summary>
    /// <exception cref="UsageException">It is below zero.</exception>
    public TimeSpan DrainTime(ParseResult result) => result.GetValue(_drain) is >= 0 and var seconds
        ? TimeSpan.FromSeconds(seconds)
        : throw new UsageException($"--drain-seconds is '{result.GetValue(_drain)}'; expected 0 or more.");

    public bool HasPage(ParseResult result) => !result.GetValue(_noPage);

    /// <summary>Origins whose pages may send requests.</summary>
    /// <exception cref="UsageException">One is no origin.</exception>
    public string[] Origins(ParseResult result) =>
    [
        .. (result.GetValue(_origins) ?? []).Select(
            text => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
                && text == uri.GetLeftPart(UriPartial.Authority)
                ? text
                : throw new UsageException($"'{text}' in --cors is no origin, such as https://app.example.")),
    ];

    /// <summary>Options of each model: those of configuration, and the flags over them; all share one budget.</summary>
    /// <exception cref="UsageException">A setting is unknown, or of another type.</exception>
    /// <exception cref="ArgumentException">A value cannot be.</exception>
    public LanguageModelOptions ModelOptions(ParseResult result, IConfigurationSection section)
    {
        var options = _resources.Read(result, ServeSettings.Read<LanguageModelOptions>(section)) with
        {
            MemoryBudget = Budget(result),
        };
        OptionsValidation.Validate(options);
        return options;
    }

    /// <summary>The time after which an unused model is unloaded; null for never.</summary>
    /// <exception cref="UsageException">It is not above zero, or longer than thirty days.</exception>
    public TimeSpan? IdleTimeout(ParseResult result) => result.GetValue(_idle) switch
    {
        null => null,
        > 0 and <= 30 * 86400 and var seconds => TimeSpan.FromSeconds(seconds),
        var other => throw new UsageException(
            FormattableString.Invariant($"--idle-timeout is '{other}'; expected seconds, above 0, at most 30 days.")),
    };

    /// <summary>Further names of models.</summary>
    /// <exception cref="UsageException">One is not of the form NAME=MODEL, or of no model.</exception>
    public IReadOnlyList<(string Alias, string Name)> Aliases(ParseResult result)
    {
        var models = Models(result);
        var names = string.Join(", ", models.Select(model => $"'{model.Name}'"));
        HashSet<string> taken = [.. models.Select(model => model.Name)];
        return [.. (result.GetValue(_aliases) ?? []).Select(
            text => text.Split('=', 2) is [{ Length: > 0 } alias, var name] && models.Any(model => model.Name == name)
                ? taken.Add(alias) ? (alias, name) : throw new UsageException($"Two models are called '{alias}'.")
                : throw new UsageException($"'{text}' in --alias is no NAME=MODEL of one of {names}."))];
    }

    private MemoryBudget? Budget(ParseResult result) => result.GetValue(_memory) is { } text
        ? new MemoryBudget(MemorySize.Parse(text, _memory.Name)) { IncludesWeights = true } : null;

    private static (string Name, string Folder) Model(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals == 0)
        {
            throw new UsageException($"'{text}' has no name before '='.");
        }

        var folder = text[(equals + 1)..];
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"There is no folder '{folder}'; expected a package.");
        }

        // A package that is damaged is known now, not with the first request.
        _ = File.Exists(Path.Combine(folder, ModelPackage.ConfigFile))
            ? ModelPackage.Open(folder, PackageVerification.Sizes).Manifest
            : EncoderPackage.Open(folder, PackageVerification.Sizes).Manifest;
        return (equals < 0 ? new DirectoryInfo(Path.GetFullPath(folder)).Name : text[..equals], folder);
    }
}
