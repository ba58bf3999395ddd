using System.Text.Json.Nodes;
using Slipway.Training.Optimization;

namespace Slipway.Training.Adapters;

public sealed class AdapterParityTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("llama")]
    [InlineData("qwen3")]
    public void LoraLosses_FromTheReferenceStart_FollowTheReferenceToItsEnd(string name)
    {
        using var reference = Reference.Training(name);
        var expected = reference.Expected("lora");
        using var adapter = Attach(reference, expected, "LORA", "lora-start.safetensors");
        using var optimizer = new AdamW(adapter.Parameters);
        var schedule = new LearningRateSchedule(
            (double)expected["learning_rate"]!, (int)expected["steps"]!, (int)expected["warmup"]!);
        var max = Reference.Train(
            reference.Losses("lora"), optimizer, step => schedule.At(step), 0, reference.FineTuning);
        using var end = reference.Open("lora-end.safetensors");
        var worst = adapter.Parameters.Max(one =>
        {
            var values = new float[one.Weight.numel()];
            end.ReadFloats(one.Name, 0, values);
            return one.Weight.data<float>().Zip(values, (a, b) => Math.Abs(a - b)).Max();
        });
        output.WriteLine($"{name} LoRA: largest difference of a loss {max:e2}, of a final weight {worst:e2}");
        Assert.InRange(max, 0, 1e-4);
        Assert.InRange(worst, 0, 1e-3);
    }

    [Theory]
    [InlineData("dora", "LORA")]
    [InlineData("ia3", "IA3")]
    [InlineData("prompt-tuning", "PROMPT_TUNING")]
    [InlineData("prefix-tuning", "PREFIX_TUNING")]
    public void Losses_FromTheReferenceStart_FollowTheReference(string method, string type)
    {
        using var reference = Reference.Methods();
        var expected = reference.Expected(method);
        using var adapter = Attach(reference, expected, type, $"{method}-start.safetensors");
        using var optimizer = new AdamW(adapter.Parameters);
        var max = Reference.Train(
            reference.Losses(method), optimizer, _ => (double)expected["learning_rate"]!, 0,
            step => AdaptedLoss.Of(reference.Model, reference.Ids("distill.input_ids", step)));
        output.WriteLine($"{method}: largest difference of a loss {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }

    private static ModelAdapter Attach(Reference reference, JsonNode expected, string type, string start)
    {
        var config = new JsonObject { ["peft_type"] = type };
        foreach (var (from, to) in new[]
        {
            ("r", "r"), ("lora_alpha", "lora_alpha"), ("target_modules", "target_modules"),
            ("virtual_tokens", "num_virtual_tokens"),
        })
        {
            config[to] = expected[from]?.DeepClone();
        }

        if (type == "IA3")
        {
            config["target_modules"] = new JsonArray("k_proj", "v_proj", "down_proj");
        }

        config["use_dora"] = start.StartsWith("dora", StringComparison.Ordinal);
        var adapter = ModelAdapter.Attach(reference.Model, AdapterConfig.Parse(config, "expected.json"));
        using var tensors = reference.Open(start);
        adapter.Read(tensors);
        return adapter;
    }
}
