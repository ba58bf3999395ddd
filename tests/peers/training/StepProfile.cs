using System.Diagnostics;
using System.Globalization;

namespace TrainingPeers;

/// <summary>Samples this process by perf while it lives, and says which code the processors ran.</summary>
/// <remarks>
/// Operators are libtorch's and the fused functions of <c>Slipway.Training.Autograd</c>. The C library's allocator and
/// copies serve both and are shown apart. All else is overhead: the calls between, garbage collections, compilation.
/// </remarks>
internal sealed class StepProfile : IDisposable
{
    private static readonly (string Part, string[] Marks)[] Parts =
    [
        ("operators", ["libtorch_cpu", "libc10", "Slipway.Training.Autograd"]),
        ("C library", ["libc.so", "libm.so"]),
    ];

    private readonly Process _perf;

    public StepProfile(string file) => _perf = Process.Start("perf",
    [
        "record", "-q", "-e", "cpu-clock", "-F", "499", "-o", file, "-p",
        Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
    ]);

    /// <summary>Writes the shares of the parts, and the functions that took most.</summary>
    public static void Write(string file, TextWriter output)
    {
        using var report = Process.Start(new ProcessStartInfo(
            "perf", ["report", "-q", "-i", file, "--stdio", "--sort", "dso,symbol"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        report.ErrorDataReceived += (_, _) => { };
        report.BeginErrorReadLine();
        var rows = report.StandardOutput.ReadToEnd().Split('\n').Where(line => line.Contains('%'))
            .Select(line => line.Trim().Split('%', 2))
            .Select(parts => (Share: double.Parse(parts[0], CultureInfo.InvariantCulture), Name: parts[1].Trim()))
            .ToArray();
        report.WaitForExit();
        foreach (var group in rows.GroupBy(row => Parts.FirstOrDefault(
            part => part.Marks.Any(row.Name.Contains), ("overhead", [])).Part).OrderByDescending(Sum))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{group.Key}: {Sum(group):F1} %"));
            foreach (var (share, name) in group.Take(8))
            {
                output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"  {share,5:F2} {name[..Math.Min(name.Length, 100)]}"));
            }
        }

        static double Sum(IEnumerable<(double Share, string Name)> group) => group.Sum(row => row.Share);
    }

    public void Dispose()
    {
        using var stop = Process.Start("kill", ["-INT", _perf.Id.ToString(CultureInfo.InvariantCulture)]);
        stop.WaitForExit();
        _perf.WaitForExit();
        _perf.Dispose();
    }
}
