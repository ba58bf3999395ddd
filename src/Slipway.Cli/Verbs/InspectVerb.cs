using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Chat;
using Slipway.Checkpoints;
using Slipway.Cli.Modules;
using Slipway.Cli.Terminal;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Cli.Verbs;

/// <summary>Shows what a checkpoint, a package or an <c>.onnx</c> file holds.</summary>
internal static class InspectVerb
{
    public static Command Create(VerbContext context)
    {
        var path = new Argument<string>("PATH") { Description = "A checkpoint, a package folder or an .onnx file." };
        var json = VerbContext.JsonOption();
        var command = new Command("inspect", "Show what is in a file or folder. Example: slipway inspect package")
        {
            path, json,
        };
        command.SetAction(result =>
        {
            var report = Describe(result.GetRequiredValue(path));
            if (result.GetValue(json))
            {
                context.WriteJson(report);
            }
            else
            {
                Write(context.Output, report, "");
            }

            return 0;
        });
        return command;
    }

    private static JsonObject Describe(string path)
    {
        if (Directory.Exists(path) && File.Exists(Path.Combine(path, ModelPackage.ConfigFile)))
        {
            return DescribePackage(ModelPackage.Open(path, PackageVerification.Full));
        }

        if (File.Exists(Path.Combine(path, ModelPackage.ManifestFile)))
        {
            return DescribeEncoder(EncoderPackage.Open(path, PackageVerification.Full));
        }

        if (GraphFolders.Find(path) is { } graph)
        {
            return new JsonObject { ["kind"] = "onnx", ["graph"] = DescribeGraph(OnnxFile.Read(graph)) };
        }

        using var checkpoint = Checkpoint.Open(path);
        return DescribeCheckpoint(checkpoint);
    }

    private static JsonObject DescribePackage(ModelPackage package)
    {
        var model = package.Config.Model;
        return new JsonObject
        {
            ["kind"] = "package",
            ["task"] = PackageKinds.TextGeneration,
            ["verb"] = PackageKinds.VerbOf(PackageKinds.TextGeneration, null),
            ["architecture"] = package.Manifest?.Architecture ?? model.Type,
            ["precision"] = package.Manifest?.Precision,
            ["source_format"] = package.Manifest?.SourceFormat,
            ["producer"] = package.Manifest?.Producer,
            ["quantization"] = package.Manifest?.Quantization is { } recipe
                ? new JsonObject
                {
                    ["method"] = recipe.Method,
                    ["bits"] = recipe.Bits,
                    ["block_size"] = recipe.BlockSize,
                }
                : null,
            ["chat"] = DescribeChat(package),
            ["key_value_cache"] = package.Manifest?.KeyValueCache,
            ["vocab_size"] = model.VocabSize,
            ["context_length"] = model.ContextLength,
            ["layers"] = model.Decoder.NumHiddenLayers,
            ["hidden_size"] = model.Decoder.HiddenSize,
            ["heads"] = model.Decoder.NumAttentionHeads,
            ["key_value_heads"] = model.Decoder.NumKeyValueHeads,
            ["head_size"] = model.Decoder.HeadSize,
            ["key_value_bytes_per_token"] =
                2L * sizeof(float) * model.Decoder.NumHiddenLayers * model.Decoder.NumKeyValueHeads
                * model.Decoder.HeadSize,
            ["files"] = new JsonArray([.. package.ListFiles().Select(file => (JsonNode)new JsonObject
            {
                ["name"] = file.Key,
                ["bytes"] = file.Value,
            })]),
            ["graph"] = DescribeGraph(OnnxFile.Read(package.ModelPath)),
        };
    }

    // What a chat client finds in the chat template; null where it could not chat.
    private static JsonObject? DescribeChat(ModelPackage package)
    {
        if (!HuggingFaceTokenizer.Exists(package.Path))
        {
            return null;
        }

        try
        {
            var tokenizer = HuggingFaceTokenizer.Load(package.Path);
            var formats = new TemplateFormats(
                PackageTemplates.Read(package), text => tokenizer.TokenToId(text) is { } id && tokenizer.IsSpecial(id),
                ChatFormatOptions.None, package.Manifest);
            return formats.Traits(withTools: true) is not { } traits ? null : new JsonObject
            {
                ["tools"] = ToolChoice.Describes(traits) ? "described in the system message" : "by the chat template",
                ["tool_call_format"] = (traits.Calls ?? ToolCallFormats.Fallback).Name,
                ["reasoning_format"] = traits.Reasoning?.Name,
            };
        }
        catch (Exception e) when (e is ChatTemplateException or TokenizerFormatException or NotSupportedException)
        {
            return new JsonObject { ["error"] = e.Message };
        }
    }

    private static JsonObject DescribeEncoder(EncoderPackage package)
    {
        var graph = OnnxFile.Read(package.ModelPath);
        return DescribeEncoder(package, graph);
    }

    private static JsonObject DescribeEncoder(EncoderPackage package, OnnxModel graph) => new()
    {
        ["kind"] = "package",
        ["task"] = Task(package, graph),
        ["verb"] = PackageKinds.VerbOf(
            Task(package, graph), graph.Graph.Outputs[0].Shape is [.., var labels] ? labels.Size : null),
        ["architecture"] = package.Manifest.Architecture,
        ["precision"] = package.Manifest.Precision,
        ["source_format"] = package.Manifest.SourceFormat,
        ["producer"] = package.Manifest.Producer,
        ["context_length"] = package.Manifest.ContextLength,
        ["files"] = new JsonArray([.. package.Manifest.Files.Select(file => (JsonNode)new JsonObject
        {
            ["name"] = file.Name,
            ["bytes"] = file.Bytes,
        })]),
        ["graph"] = DescribeGraph(graph),
    };

    private static string Task(EncoderPackage package, OnnxModel graph)
        => PackageKinds.TaskOf(package, graph.Graph.Outputs.Select(output => output.Name));

    private static JsonObject DescribeGraph(OnnxModel model) => new()
    {
        ["producer"] = model.ProducerName,
        ["ir_version"] = model.IrVersion,
        ["operator_sets"] = new JsonObject(model.OperatorSets.Select(
            set => KeyValuePair.Create(set.Key.Length == 0 ? "ai.onnx" : set.Key, (JsonNode?)set.Value))),
        ["nodes"] = new JsonObject(model.Graph.Nodes.GroupBy(node => node.OpType)
            .OrderByDescending(group => group.Count())
            .Select(group => KeyValuePair.Create(group.Key, (JsonNode?)group.Count()))),
        ["inputs"] = Ports(model.Graph.Inputs),
        ["outputs"] = Ports(model.Graph.Outputs),
        ["weights_bytes"] = model.Graph.Initializers.Select(item => item.Data).Distinct().Sum(data => data.Length),
    };

    private static JsonArray Ports(IEnumerable<GraphPort> ports) =>
        [.. ports.Select(port => (JsonNode)$"{port.Name} {port.Type} [{string.Join(", ", port.Shape)}]")];

    private static JsonObject DescribeCheckpoint(Checkpoint checkpoint) => new()
    {
        ["kind"] = "checkpoint",
        ["format"] = checkpoint.Format,
        ["parameters"] = checkpoint.Tensors.Values.Sum(tensor => tensor.Count),
        ["bytes"] = checkpoint.Tensors.Values.Sum(tensor => tensor.ByteLength),
        ["quantization"] = checkpoint.Quantization is { } method
            ? new JsonObject
            {
                ["method"] = method,
                ["weights"] = checkpoint.Tensors.Keys.Count(checkpoint.IsQuantized),
                ["grid_bits"] = new JsonArray([.. checkpoint.Quantized.Values.Select(weight => weight.Bits).Distinct()
                    .Order().Select(bits => (JsonNode)bits)]),
            }
            : null,
        ["warnings"] = new JsonArray([.. checkpoint.Warnings.Select(warning => (JsonNode)warning)]),
        ["config"] = Config(checkpoint),
        ["tensors"] = new JsonArray([.. checkpoint.Tensors.Values.Select(tensor => (JsonNode)tensor.ToString())]),
    };

    // A lone weight file has none.
    private static JsonNode? Config(Checkpoint checkpoint)
    {
        try
        {
            return checkpoint.Config.DeepClone();
        }
        catch (CheckpointException)
        {
            return null;
        }
    }

    private static void Write(TextWriter output, JsonObject report, string indent)
    {
        foreach (var (key, value) in report)
        {
            switch (value)
            {
                case JsonObject inner:
                    output.WriteLine($"{indent}{key}:");
                    Write(output, inner, indent + "  ");
                    break;
                case JsonArray list:
                    output.WriteLine($"{indent}{key}:");
                    foreach (var item in list)
                    {
                        output.WriteLine(item is JsonObject file
                            ? $"{indent}  {Amounts.Bytes((long)file["bytes"]!),10}  {file["name"]}"
                            : $"{indent}  {item}");
                    }

                    break;
                case not null:
                    output.WriteLine($"{indent}{key}: {value}");
                    break;
            }
        }
    }
}
