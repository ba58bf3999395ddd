using System.CommandLine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using Slipway.AspNetCore;
using Slipway.Telemetry;

namespace Slipway.Cli.Verbs;

/// <summary>Serves packages by OpenAI's API.</summary>
internal static class ServeVerb
{
    private const string EnvironmentPrefix = "SLIPWAY_";

    private static readonly string[] ExporterVariables =
    [
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    ];

    public static Command Create(VerbContext context)
    {
        var arguments = new ServeArguments(context);
        var command = new Command(
            "serve",
            "Serve packages by OpenAI's API, each under its folder's name or as NAME=FOLDER. Example: slipway serve "
            + "models/device-assistant/int4 --port 8080")
        {
            TreatUnmatchedTokensAsErrors = true,
        };
        arguments.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            await using var app = Build(arguments, result);
            Check(app);
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
            var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
            context.Output.WriteLine(
                $"Serving {string.Join(", ", arguments.Models(result).Select(model => $"'{model.Name}'"))} at "
                + $"{string.Join(", ", addresses.Addresses.Select(address => $"{address}/v1"))}"
                + (arguments.HasPage(result) ? $", with a page to try them at {addresses.Addresses.First()}/" : "")
                + "; Ctrl+C stops it.");

            // A stop lets answers in flight end, for as long as the drain time.
            using var stop = cancellationToken.Register(app.Lifetime.StopApplication);
            await app.WaitForShutdownAsync(CancellationToken.None).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    // Before the host starts, which would log what is thrown.
    private static void Check(WebApplication app)
    {
        try
        {
            _ = app.Services.GetRequiredService<IOptions<OpenAIServerOptions>>().Value;
        }
        catch (OptionsValidationException exception)
        {
            throw new UsageException(string.Join(' ', exception.Failures));
        }
    }

    // Spans and measurements go where the standard variables of the environment say; nowhere without them.
    private static void AddTelemetry(WebApplicationBuilder builder)
    {
        var telemetry = builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics => metrics
                .AddMeter(
                    SlipwayTelemetry.MeterName, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel")
                .AddPrometheusExporter())
            .WithTracing(tracing => tracing.AddSource(SlipwayTelemetry.ActivitySourceName, "Microsoft.AspNetCore"));
        if (Array.Exists(ExporterVariables, name => builder.Configuration[name] is { Length: > 0 }))
        {
            telemetry.UseOtlpExporter();
        }
    }

    private static WebApplication Build(ServeArguments arguments, ParseResult result)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            ContentRootPath = Directory.GetCurrentDirectory(),
        });
        builder.Configuration.AddEnvironmentVariables(EnvironmentPrefix);
        builder.Logging.ClearProviders().AddConsole(console =>
        {
            console.LogToStandardErrorThreshold = LogLevel.Trace;
            console.FormatterName = arguments.LogsJson(result) ? ConsoleFormatterNames.Json : console.FormatterName;
        });
        builder.Logging.SetMinimumLevel(LogLevel.Warning);

        // It logs what it throws, which is told in a line.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        var options = arguments.Options(result, builder.Configuration.GetSection("Server"));
        var (endPoint, drainTime) = (
            arguments.EndPoint(result, options.ApiKeys.Count > 0), arguments.DrainTime(result));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxRequestBytes;
            kestrel.Listen(endPoint);
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = drainTime);
        AddTelemetry(builder);
        var server = builder.Services.AddOpenAIServer(served => ServeArguments.Apply(options, served));
        var (modelOptions, idle) = (
            arguments.ModelOptions(result, builder.Configuration.GetSection("Model")), arguments.IdleTimeout(result));
        foreach (var (name, folder) in arguments.Models(result))
        {
            server.AddModel(folder, name, chat =>
            {
                chat.IdleTimeout = idle;
                chat.Model = modelOptions with { LoggerFactory = chat.Model.LoggerFactory };
            });
        }

        foreach (var (alias, name) in arguments.Aliases(result))
        {
            server.AddAlias(alias, name);
        }

        if (arguments.Origins(result) is { Length: > 0 } origins)
        {
            builder.Services.AddCors(cors => cors.AddDefaultPolicy(
                policy => policy.WithOrigins(origins).AllowAnyHeader().AllowAnyMethod()));
        }

        var app = builder.Build();
        if (arguments.Origins(result).Length > 0)
        {
            app.UseCors();
        }

        app.MapOpenAI();
        app.MapOllama();
        app.MapServerHealth();
        app.MapPrometheusScrapingEndpoint();
        if (arguments.HasPage(result))
        {
            app.MapServerPage();
        }

        return app;
    }
}
