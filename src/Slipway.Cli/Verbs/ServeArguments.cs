using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Configuration;
using Slipway.AspNetCore;

namespace Slipway.Cli.Verbs;

/// <summary>The options of <c>serve</c>; what a flag leaves open comes from configuration.</summary>
internal sealed class ServeArguments
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

    private readonly Option<int> _drain = new("--drain-seconds")
    {
        Description = "The longest time that answers in flight have to end when the server is stopped.",
        DefaultValueFactory = _ => 30,
    };

    private readonly Option<bool> _noPage = new("--no-page")
    {
        Description = "Serve the API alone, without the page at the root that tries the models.",
    };

    private readonly ModelArguments _resources = new();

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
    public OpenAIServerOptions Options(ParseResult result, IConfiguration section)
    {
        var options = new OpenAIServerOptions();
        section.Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        options.ApiKeys = [.. options.ApiKeys, .. result.GetValue(_keys) ?? []];
        options.RequestsPerMinute = result.GetValue(_perMinute) ?? options.RequestsPerMinute;
        options.ConcurrentRequests = result.GetValue(_concurrent) ?? options.ConcurrentRequests;
        options.ResponsesPath = result.GetValue(_responses) ?? options.ResponsesPath;
        return options;
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
    }

    public TimeSpan DrainTime(ParseResult result) => TimeSpan.FromSeconds(Math.Max(0, result.GetValue(_drain)));

    public bool HasPage(ParseResult result) => !result.GetValue(_noPage);

    public string[] Origins(ParseResult result) => result.GetValue(_origins) ?? [];

    public LanguageModelOptions ModelOptions(ParseResult result) => _resources.Read(result);

    private static (string Name, string Folder) Model(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals == 0)
        {
            throw new UsageException($"'{text}' has no name before '='.");
        }

        var folder = text[(equals + 1)..];
        return Directory.Exists(folder)
            ? (equals < 0 ? new DirectoryInfo(Path.GetFullPath(folder)).Name : text[..equals], folder)
            : throw new DirectoryNotFoundException($"There is no folder '{folder}'; expected a package.");
    }
}
