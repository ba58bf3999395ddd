using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntimeGenAI;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Engine.Execution.Providers;
using Slipway.GenAI;
using Slipway.Packaging;
using Slipway.Telemetry;

namespace Slipway;

/// <summary>Computes logits by ONNX Runtime GenAI.</summary>
/// <remarks>
/// <para>
/// For packages that only it can run, and on devices that its native packages bring: the program references
/// <c>Microsoft.ML.OnnxRuntimeGenAI</c> for processors, or its kin for a GPU. Prompts, chat templates, tool calls,
/// guidance, sampling and streaming stay this library's.
/// </para>
/// <para>
/// Other than with this library's own engine, sequences are computed one after the other, not together; what a slot
/// holds of an earlier prompt is reused, but no prefixes are kept beside the slots; adapters of a package are not
/// there; and keys and values count as single precision whatever they are.
/// <see cref="LanguageModelOptions.ExecutionProviders"/> at its default leaves the choice to the package's
/// <c>genai_config.json</c>.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// using IChatClient client = new OnnxChatClient(new OnnxChatClientOptions
/// {
///     PackagePath = "model", Model = new() { Engine = new GenAIEngine() },
/// });
/// </code>
/// </example>
public sealed class GenAIEngine : LanguageModelEngine
{
    private const string LibraryPackage = "Microsoft.ML.OnnxRuntimeGenAI";

    internal override OpenedDecoder Open(ModelPackage package, LanguageModelOptions options)
    {
        RequireLibrary();
        List<string> reasons = [];
        foreach (var choice in Choices(options))
        {
            try
            {
                var opened = Open(package, options, choice);
                if (reasons.Count > 0 && options.LoggerFactory?.CreateLogger<GenAIEngine>() is { } logger)
                {
                    ModelLog.FellBack(logger, package.Path, opened.Provider, string.Join(' ', reasons));
                }

                return opened;
            }
            catch (OnnxRuntimeGenAIException exception)
            {
                reasons.Add($"{exception.Message.TrimEnd('.')}.");
                if (choice is { Provider.IsProcessor: false })
                {
                    reasons.Add(
                        $"What GenAI needs for '{choice.Provider.Name}' comes with '{LibraryPackage}"
                        + $"{choice.Provider.PackageName["Slipway".Length..]}', in the place of '{LibraryPackage}'.");
                }
            }
        }

        throw new NotSupportedException(
            $"ONNX Runtime GenAI cannot load '{package.Path}': {string.Join(' ', reasons)} Use this library's own "
            + "engine, or export the package again.");
    }

    private static OpenedDecoder Open(ModelPackage package, LanguageModelOptions options, ProviderChoice? choice)
    {
        Model? model = null;
        Config config = new(package.Path);
        try
        {
            config.Overlay(SessionOptions(options).ToJsonString());
            Tell(config, choice);
            model = new Model(config);
            var (decoder, vocabularySize) = (package.Config.Model.Decoder, package.Config.Model.VocabSize);
            return new OpenedDecoder
            {
                Decoder = new GeneratorDecoder(model, vocabularySize, Size(decoder)),
                VocabularySize = vocabularySize,
                Size = Size(decoder),
                Path = package.ModelPath,
                Provider = choice?.ToString() ?? Named(decoder),
                Kernels = "ONNX Runtime GenAI's",
                CopiesTokens = false,
                Runtime = new ModelHandle(model, config),
            };
        }
        catch
        {
            model?.Dispose();
            config.Dispose();
            throw;
        }
    }

    // The library writes a device's id and events as ONNX Runtime does; one switch speaks for both.
    private static void RequireLibrary()
    {
        try
        {
            NativeRuntime.Require();
            if (!AppContext.TryGetSwitch(SlipwayTelemetry.OnnxRuntimeSwitch, out var sends) || !sends)
            {
                Utils.DisableTelemetryEvents();
            }
        }
        catch (Exception exception) when (exception.GetBaseException()
            is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            throw new NotSupportedException(
                "The native library of ONNX Runtime GenAI is missing or of another version. Reference the package "
                + $"'{LibraryPackage}' in the program, or that of its GPU, such as '{LibraryPackage}.Cuda'.",
                exception);
        }
    }

    private static JsonObject SessionOptions(LanguageModelOptions options)
    {
        const int errors = 3;
        JsonObject session = new()
        {
            ["log_severity_level"] = errors,
            ["session.intra_op.allow_spinning"] = options.AllowSpinning ? "1" : "0",
        };
        if (options.Threads is { } threads)
        {
            session["intra_op_num_threads"] = threads;
        }

        return new JsonObject
        {
            ["model"] = new JsonObject { ["decoder"] = new JsonObject { ["session_options"] = session } },
        };
    }

    // By default the package's own file says what runs it, for which null stands.
    private static IEnumerable<ProviderChoice?> Choices(LanguageModelOptions options)
    {
        var choices = ProviderChoice.Read(options);
        if (choices[0].IsAutomatic)
        {
            return [null];
        }

        return choices;
    }

    private static string Named(GenAIDecoder decoder)
        => (decoder.SessionOptions?["provider_options"] as JsonArray)?
            .OfType<JsonObject>().SelectMany(row => row).Select(row => row.Key).FirstOrDefault() ?? "cpu";

    private static void Tell(Config config, ProviderChoice? choice)
    {
        if (choice is null)
        {
            return;
        }

        config.ClearProviders();
        if (choice.Provider.IsProcessor)
        {
            return;
        }

        config.AppendProvider(choice.Provider.GenAIName);
        foreach (var (name, value) in choice.Options.Append(
            new("device_id", choice.Device.ToString(CultureInfo.InvariantCulture))))
        {
            config.SetProviderOption(choice.Provider.GenAIName, name, value);
        }
    }

    private static SequenceSize Size(GenAIDecoder decoder)
        => new(2L * decoder.NumHiddenLayers * decoder.NumKeyValueHeads * decoder.HeadSize * sizeof(float));

    private sealed class ModelHandle(Model model, Config config) : IDisposable
    {
        public void Dispose()
        {
            model.Dispose();
            config.Dispose();
        }
    }
}
