using System.Text.Json;

namespace LoraSharp.Tests.Golden;

/// <summary>One golden case: the parsed case.json. Tensors are opened on demand by the runners.</summary>
internal sealed class GoldenCase
{
    public GoldenCase(string group, string name)
    {
        Group = group;
        Name = name;
        Folder = Path.Combine(GoldenFolder.Root, group, name);
        using FileStream stream = File.OpenRead(Path.Combine(Folder, "case.json"));
        Root = JsonDocument.Parse(stream).RootElement;
    }

    public string Group { get; }

    public string Name { get; }

    public string Folder { get; }

    public JsonElement Root { get; }

    public JsonElement Parameters => Root.GetProperty("parameters");

    public JsonElement Inputs => Root.GetProperty("inputs");

    public JsonElement Expected => Root.GetProperty("expected");

    public string TensorsPath => Path.Combine(Folder, "tensors.safetensors");

    public double Absolute => Root.GetProperty("tolerance").GetProperty("absolute").GetDouble();

    public double Relative => Root.GetProperty("tolerance").GetProperty("relative").GetDouble();

    /// <summary>The folder of the model that the case names; skips the test where a real model is not there.</summary>
    public string ModelFolder()
    {
        string name = Root.GetProperty("model").GetString()!;
        return name.StartsWith("models:", StringComparison.Ordinal)
            ? RealModels.Require(name["models:".Length..])
            : GoldenFolder.ModelFolder(name) ?? throw new DirectoryNotFoundException($"The case {Group}/{Name} names the model '{name}', which is not below {GoldenFolder.Root}/models.");
    }

    /// <summary>Fails when <c>parameters</c> has a key that the runner does not handle: a case may not be half understood.</summary>
    public void RequireKnownParameters(params string[] known)
    {
        string[] unknown = [.. Parameters.EnumerateObject().Select(p => p.Name).Except(known)];
        Assert.True(unknown.Length == 0, $"{Group}/{Name}: the runner does not know the parameters {string.Join(", ", unknown)}.");
    }

    public override string ToString() => $"{Group}/{Name}";
}
