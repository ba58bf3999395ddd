using System.Diagnostics;
using Microsoft.Extensions.AI;

namespace Slipway.Tests.Chat;

public sealed class TelemetryTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task OpenTelemetry_AroundTheClient_GetsModelUsageAndReason(bool streaming)
    {
        var name = $"Slipway.Tests.Telemetry.{streaming}";
        var spans = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = spans.Add,
        };
        ActivitySource.AddActivityListener(listener);
        using var model = ScriptedModel.Answering("Hello.");
        using var client = model.ToClient().AsBuilder().UseOpenTelemetry(sourceName: name).Build();

        var options = new ChatOptions { Temperature = 0.5f };
        _ = streaming
            ? await client.GetStreamingResponseAsync("Hi", options).ToChatResponseAsync()
            : await client.GetResponseAsync("Hi", options);

        var span = Assert.Single(spans);
        Assert.Equal("chat scripted", span.DisplayName);
        Assert.Equal("onnx", span.GetTagItem("gen_ai.provider.name"));
        Assert.Equal("scripted", span.GetTagItem("gen_ai.response.model"));
        Assert.Equal(
            model.Requests[0].PromptIds.Count, Convert.ToInt32(span.GetTagItem("gen_ai.usage.input_tokens"), null));
        Assert.Equal(6, Convert.ToInt32(span.GetTagItem("gen_ai.usage.output_tokens"), null));
        Assert.Contains(
            "stop", span.GetTagItem("gen_ai.response.finish_reasons")!.ToString(), StringComparison.Ordinal);
    }
}
