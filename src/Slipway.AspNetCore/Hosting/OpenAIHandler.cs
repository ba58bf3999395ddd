using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Hosting;

/// <summary>Runs an endpoint: who may, how many, how long, and what becomes of errors.</summary>
internal static partial class OpenAIHandler
{
    private const int ClientGone = 499;

    /// <summary>Makes the handler of an endpoint.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="writeError">Writes errors in the form of another API; null for OpenAI's.</param>
    /// <param name="prompt">
    /// The parameter that holds the prompt, for errors of its length; null where none does.
    /// </param>
    public static RequestDelegate For(
        Func<RequestContext, Task> endpoint, Func<HttpContext, OpenAIException, Task>? writeError = null,
        string? prompt = null)
        => async http =>
    {
        var services = http.RequestServices;
        var options = services.GetRequiredService<IOptions<OpenAIServerOptions>>().Value;
        http.Response.Headers["x-request-id"] = RequestContext.NewId("req_");
        using var time = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        if (options.RequestTimeout is { } limit)
        {
            time.CancelAfter(limit);
        }

        // Taken now: what a server is stopped in the middle of ends after its services.
        var logger = NewLogger(http);
        using var watch = ResponseWatch.Start(http, options.SendTimeout, logger);
        try
        {
            await AnswerAsync(time.Token).ConfigureAwait(false);
            await http.Response.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (IsClientGone(http, exception))
        {
            ClientLeft(logger, http.Request.Path);
            if (!http.Response.HasStarted)
            {
                http.Response.StatusCode = ClientGone;
            }
        }

        async Task AnswerAsync(CancellationToken aborted)
        {
            try
            {
                using var visit = services.GetRequiredService<ServerGate>().Enter();
                var key = services.GetRequiredService<ApiKeys>().Check(http.Request);
                using var place = services.GetRequiredService<RequestLimits>().Acquire(key);
                await endpoint(new RequestContext(
                    http, services.GetRequiredService<ModelCatalog>(), key, options.MaxRequestBytes, aborted))
                    .ConfigureAwait(false);
            }
            catch (Exception exception) when (!IsClientGone(http, exception))
            {
                var error = ErrorOf(exception, aborted.IsCancellationRequested, prompt);
                Log(logger, http, error, exception);
                await (writeError ?? WriteAsync)(http, error).ConfigureAwait(false);
            }
        }
    };

    /// <summary>Says what a client is told of an exception.</summary>
    public static OpenAIException ErrorOf(
        Exception exception, bool isOverTime, string? prompt = null) => exception switch
    {
        OpenAIException error => error,
        QueueFullException => new(429, exception.Message, code: "queue_full") { RetryAfter = 1 },
        TimeoutException => OverTime(),
        OperationCanceledException when isOverTime => OverTime(),
        MemoryBudgetException => new(503, Line(exception), code: "insufficient_memory") { RetryAfter = 1 },
        ContextLengthException => new(400, Line(exception), prompt, "context_length_exceeded"),
        BadHttpRequestException bad => new(bad.StatusCode, bad.Message),
        NotSupportedException => new(400, Line(exception), code: "unsupported_value"),
        ArgumentException => new(400, Line(exception), code: "invalid_value"),
        _ => new(500, "The server failed; its log says why.", code: "internal_error"),
    };

    /// <summary>Logs what the client is not told.</summary>
    public static void Log(HttpContext http, OpenAIException error, Exception exception)
        => Log(NewLogger(http), http, error, exception);

    private static void Log(ILogger logger, HttpContext http, OpenAIException error, Exception exception)
    {
        if (error.Status >= 500 && exception is not OpenAIException)
        {
            Failed(logger, http.Request.Path, exception);
        }
    }

    private static bool IsClientGone(HttpContext http, Exception exception) => exception is ClientGoneException
        || (http.RequestAborted.IsCancellationRequested
            && exception is OperationCanceledException or IOException or BadHttpRequestException);

    private static ILogger NewLogger(HttpContext http)
        => http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(OpenAIHandler));

    private static OpenAIException OverTime()
        => new(504, "The request took longer than this server allows. Ask for less.", code: "timeout");

    // '(Parameter 'x')' is for programmers.
    private static string Line(Exception exception)
    {
        var parameter = exception.Message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return (parameter > 0 ? exception.Message[..parameter] : exception.Message).ReplaceLineEndings(" ");
    }

    private static async Task WriteAsync(HttpContext http, OpenAIException error)
    {
        if (http.Response.HasStarted)
        {
            // A stream that breaks off ends with the error, and without what marks a whole one.
            var bytes = JsonSerializer.SerializeToUtf8Bytes(error.Response, OpenAIJson.Default.ErrorResponse);
            await http.Response.WriteAsync("data: ").ConfigureAwait(false);
            await http.Response.Body.WriteAsync(bytes).ConfigureAwait(false);
            await http.Response.WriteAsync("\n\n").ConfigureAwait(false);
            return;
        }

        Begin(http, error);
        await JsonSerializer.SerializeAsync(
            http.Response.Body, error.Response, OpenAIJson.Default.ErrorResponse).ConfigureAwait(false);
    }

    /// <summary>Begins the response that tells of an error.</summary>
    public static void Begin(HttpContext http, OpenAIException error)
    {
        http.Response.StatusCode = error.Status;
        http.Response.ContentType = "application/json";
        if (error.RetryAfter is { } seconds)
        {
            http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (error.Status == 401)
        {
            http.Response.Headers.WWWAuthenticate = "Bearer";
        }
    }

    [LoggerMessage(1, LevelOfClient, "{Path}: the client closed the connection")]
    private static partial void ClientLeft(ILogger logger, string path);

    [LoggerMessage(2, LogLevel.Error, "{Path} failed")]
    private static partial void Failed(ILogger logger, string path, Exception exception);

    private const LogLevel LevelOfClient = LogLevel.Debug;
}
