using System.Globalization;
using LoraSharp.CrashHost;
using LoraSharp.Tests.Golden;

namespace LoraSharp.Tests.EndToEnd;

/// <summary>
/// Runs that take long when they are run in full: <c>LORASHARP_KILLS=200</c> kills a run 200 times (default 10), <c>LORASHARP_STEPS=10000</c> watches the memory over 10,000 steps (default 1,200).
/// </summary>
public sealed class LongTrainingTests : IDisposable
{
    private const int SaveSteps = 5;
    private readonly TemporaryFolder _folder = new();

    private static string ModelFolder => GoldenFolder.ModelFolder("llama-tiny")!;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_killed_at_random_moments_ends_with_the_adapter_of_an_undisturbed_one()
    {
        int kills = Number("LORASHARP_KILLS", 10), resumed = 0;
        string killed = _folder.At("killed"), whole = _folder.At("whole");
        var random = new Random(21);
        int last = 0;
        for (int i = 0; i < kills; i++)
        {
            // One in four while it starts and loads, the others somewhere in the next steps, saves among them; whatever the machine's speed.
            bool starting = random.Next(4) == 0;
            int reports = starting ? 1 : random.Next(1, 2 * SaveSteps) + 1;
            KilledProcess.Run(reports, TimeSpan.FromMilliseconds(random.NextDouble() * (starting ? 1000 : 60)), "train", killed, ModelFolder, $"{SaveSteps}");
            int now = LastCheckpoint(killed);
            Assert.InRange(now, last, int.MaxValue);
            Assert.Equal(0, now % SaveSteps);
            resumed += now > last ? 1 : 0;
            last = now;
        }

        // Kills that always came before the first save would prove nothing.
        Assert.InRange(resumed, kills / 4, kills);
        int steps = last + SaveSteps + 3;
        TinyTraining.Run(ModelFolder, killed, _ => { }, TestContext.Current.CancellationToken, SaveSteps, steps);
        TinyTraining.Run(ModelFolder, whole, _ => { }, TestContext.Current.CancellationToken, SaveSteps, steps);
        Assert.Equal(Adapter(whole, steps), Adapter(killed, steps));
        TestContext.Current.SendDiagnosticMessage($"{kills} kills, {resumed} of them after progress, {steps} steps");
    }

    [Fact]
    public void Resident_memory_stays_flat()
    {
        int steps = Number("LORASHARP_STEPS", 1200), every = Math.Max(100, steps / 100);
        long[] bytes = [.. KilledProcess.RunToEnd("memory", _folder.At("run"), ModelFolder, $"{steps}", $"{every}").Select(line => long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture))];
        Assert.Equal(steps / every, bytes.Length);

        // Up to then code is compiled, and again where it is hot.
        long before = bytes[(bytes.Length / 4)..(bytes.Length / 2)].Max(), after = bytes[(bytes.Length / 2)..].Max();
        TestContext.Current.SendDiagnosticMessage($"resident {string.Join(", ", bytes.Select(b => (b / 1048576.0).ToString("F1", CultureInfo.InvariantCulture)))} MiB");

        // A short run is still being compiled in its first half; a leak of one small tensor a step would show even so.
        Assert.InRange(after, 0, (long)(before * (steps >= 10_000 ? 1.01 : 1.04)));
    }

    private static int Number(string variable, int defaultValue) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : defaultValue;

    private static int LastCheckpoint(string output) =>
        Directory.Exists(output)
            ? Directory.EnumerateDirectories(output, "checkpoint-*").Select(folder => Path.GetFileName(folder)["checkpoint-".Length..].Split('.')[0]).Select(step => int.Parse(step, CultureInfo.InvariantCulture))
                .Where(step => File.Exists(Path.Combine(output, $"checkpoint-{step}", "trainer_state.json"))).DefaultIfEmpty(0).Max()
            : 0;

    private static byte[] Adapter(string output, int step) => File.ReadAllBytes(Path.Combine(output, $"checkpoint-{step}", "adapter_model.safetensors"));
}
