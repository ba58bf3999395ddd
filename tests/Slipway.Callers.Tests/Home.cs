namespace Slipway.Callers.Tests;

/// <summary>A home with lights, as the device assistant knows it.</summary>
internal sealed class Home
{
    public const string Request = "Turn on the kitchen light.";

    private readonly List<string> _switched = [];

    public Home() => SetLight = AIFunctionFactory.Create(
        (string room, bool on) =>
        {
            _switched.Add($"{room} {on}");
            return $"The light in the {room} is {(on ? "on" : "off")}.";
        },
        "set_light", "Switches the light of a room.");

    /// <summary>The function that switches a light.</summary>
    public AIFunction SetLight { get; }

    /// <summary>Calls of the function.</summary>
    public IReadOnlyList<string> Switched => _switched;
}
