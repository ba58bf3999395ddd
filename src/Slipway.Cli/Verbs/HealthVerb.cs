using System.CommandLine;
using System.Text.Json.Nodes;

namespace Slipway.Cli.Verbs;

/// <summary>Asks a server whether it takes requests, as a container's health check does.</summary>
internal static class HealthVerb
{
    private const string Path = "/health/ready";

    public static Command Create(VerbContext context)
    {
        var address = new Argument<string>("URL")
        {
            Description = "The server's address.", DefaultValueFactory = _ => "http://127.0.0.1:8080",
        };
        var time = new Option<int>("--timeout-seconds")
        {
            Description = "The longest time to wait for the answer.", DefaultValueFactory = _ => 5,
        };
        var json = VerbContext.JsonOption();
        var command = new Command(
            "health", "Ask a server whether it takes requests: exit code 0 or 1. Example: slipway health "
            + "http://127.0.0.1:8080")
        {
            address, time, json,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            var text = result.GetRequiredValue(address);
            if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            {
                throw new UsageException(
                    $"'{text}' is no address of a server; expected one such as http://127.0.0.1:8080.");
            }

            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(Math.Max(1, result.GetValue(time))) };
            var (isReady, words) = await AskAsync(http, new Uri(url, Path), cancellationToken).ConfigureAwait(false);
            if (result.GetValue(json))
            {
                context.WriteJson(new JsonObject { ["ready"] = isReady, ["answer"] = words });
            }
            else
            {
                context.Output.WriteLine(words);
            }

            return isReady ? 0 : 1;
        });
        return command;
    }

    private static async Task<(bool IsReady, string Words)> AskAsync(
        HttpClient http, Uri url, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await http.GetAsync(url, cancellationToken).ConfigureAwait(false);
            var text = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            return (response.IsSuccessStatusCode, text);
        }
        catch (HttpRequestException exception)
        {
            return (false, exception.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (false, $"The server does not answer within {http.Timeout.TotalSeconds} seconds.");
        }
    }
}
