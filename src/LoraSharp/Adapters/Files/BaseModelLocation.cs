namespace LoraSharp.Adapters.Files;

/// <summary>Finds the folder of the base model that an adapter names. Nothing is ever downloaded.</summary>
internal static class BaseModelLocation
{
    private const string ModelsVariable = "LORASHARP_MODELS";

    public static string Find(string adapterFolder)
    {
        string? name = AdapterFiles.ReadConfig(adapterFolder, []).BaseModelNameOrPath;
        if (string.IsNullOrEmpty(name))
        {
            throw new AdapterException($"The adapter in '{adapterFolder}' does not say which base model it belongs to. Pass baseFolder.");
        }

        var places = new List<string> { name, Path.Combine(adapterFolder, name) };
        if (Environment.GetEnvironmentVariable(ModelsVariable) is { Length: > 0 } models)
        {
            places.Add(Path.Combine(models, name));
            places.Add(Path.Combine(models, Path.GetFileName(Path.TrimEndingDirectorySeparator(name))));
        }

        return places.Find(place => File.Exists(Path.Combine(place, "config.json")))
            ?? throw new AdapterException(
                $"The base model '{name}' of the adapter in '{adapterFolder}' was not found as a folder ({string.Join(", ", places)}). Pass baseFolder, or set {ModelsVariable} to the folder that holds it.");
    }
}
