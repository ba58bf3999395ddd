// Objects of one's own types out of text: dotnet run -c Release --project samples/StructuredExtraction [PACKAGE]
// The answer is held to the type's JSON schema token by token, so it is one whatever the model is; how right it is, the
// model decides. The device assistant was trained to read what is asked of a home, and on nothing else.
using System.ComponentModel;
using System.Text.Json.Serialization;
using Microsoft.Extensions.AI;
using Slipway;

using IChatClient client = new OnnxChatClient(args.FirstOrDefault() ?? "models/device-assistant/int4");
var options = new ChatOptions { Temperature = 0, MaxOutputTokens = 200 };

string[] requests =
[
    "Turn on the kitchen light.",
    "Please switch the lamp in the bedroom off.",
    "Set a timer for 10 minutes.",
];
foreach (var request in requests)
{
    var response = await client.GetResponseAsync<Order>(request, options);
    Console.WriteLine(request);
    Console.WriteLine(response.TryGetResult(out var order)
        ? $"  {order}"
        : $"  no order: the answer ended by '{response.FinishReason}'");
}

[Description("What is asked of a home.")]
internal sealed record Order(Device Device, Switch State, [property: Description("Which room.")] Room? Room);

[JsonConverter(typeof(JsonStringEnumConverter<Device>))]
internal enum Device
{
    Light,
    Heating,
    Timer,
}

[JsonConverter(typeof(JsonStringEnumConverter<Switch>))]
internal enum Switch
{
    On,
    Off,
}

[JsonConverter(typeof(JsonStringEnumConverter<Room>))]
internal enum Room
{
    Kitchen,
    Bedroom,
    Hall,
}
