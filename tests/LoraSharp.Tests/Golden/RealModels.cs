namespace LoraSharp.Tests.Golden;

/// <summary>Real models: the folder that LORASHARP_MODELS names, else .models in the repository root.</summary>
internal static class RealModels
{
    public static string Root =>
        Environment.GetEnvironmentVariable("LORASHARP_MODELS") is { Length: > 0 } given
            ? given
            : Path.Combine(GoldenFolder.RepositoryRoot, ".models");

    /// <summary>The folder of a real model; skips the running test, with the reason, where it is not there.</summary>
    public static string Require(string name)
    {
        string folder = Path.Combine(Root, name);
        if (!File.Exists(Path.Combine(folder, "config.json")))
        {
            Assert.Skip($"The real model '{name}' is not in {Root}; set LORASHARP_MODELS or put it into .models to run this test.");
        }

        return folder;
    }
}
