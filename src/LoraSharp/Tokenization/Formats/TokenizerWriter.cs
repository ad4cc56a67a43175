using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Tokenization;

/// <summary>Writes a tokenizer's folder.</summary>
internal static class TokenizerWriter
{
    /// <summary>Where templates other than the default one lie.</summary>
    public const string TemplateFolder = "additional_chat_templates";

    private static readonly JsonWriterOptions s_indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Save(TokenizerPipeline pipeline, TokenizerSettings settings, string folder)
    {
        Directory.CreateDirectory(folder);
        WriteFile(folder, "tokenizer.json", stream => TokenizerJson.Write(pipeline, stream));
        WriteFile(folder, "tokenizer_config.json", stream => WriteConfig(settings, stream));
        WriteFile(folder, "special_tokens_map.json", stream => WriteSpecialTokens(pipeline, settings, stream));
        foreach ((string name, string source) in settings.ChatTemplates)
        {
            if (name == "default")
            {
                WriteFile(folder, "chat_template.jinja", stream => stream.Write(Encoding.UTF8.GetBytes(source)));
            }
            else if (name.Length == 0 || name.AsSpan().IndexOfAny(Path.GetInvalidFileNameChars()) >= 0 || name is "." or "..")
            {
                throw new ArgumentException($"The chat template's name '{name}' cannot be a file's name. Rename it before saving.");
            }
            else
            {
                string templates = Path.Combine(folder, TemplateFolder);
                Directory.CreateDirectory(templates);
                WriteFile(templates, name + ".jinja", stream => stream.Write(Encoding.UTF8.GetBytes(source)));
            }
        }
    }

    /// <summary>Everything that a folder would hold, in one stream.</summary>
    public static void Write(TokenizerPipeline pipeline, TokenizerSettings settings, Stream stream)
    {
        TokenizerJson.Write(pipeline, stream);
        WriteConfig(settings, stream);
        WriteSpecialTokens(pipeline, settings, stream);
        foreach ((string name, string source) in settings.ChatTemplates)
        {
            stream.Write(Encoding.UTF8.GetBytes($"{name}\n{source}\n"));
        }
    }

    private static void WriteConfig(TokenizerSettings settings, Stream stream)
    {
        JsonObject config = settings.Config.DeepClone().AsObject();
        config.Remove("chat_template");
        // tokenizer.json has them all, with their flags and in their order.
        config.Remove("added_tokens_decoder");
        foreach (string name in TokenizerSettings.TokenNames)
        {
            config[name] = settings.Special(name);
        }

        config["tokenizer_class"] ??= "PreTrainedTokenizerFast";
        using var writer = new Utf8JsonWriter(stream, s_indented);
        config.WriteTo(writer);
    }

    private static void WriteSpecialTokens(TokenizerPipeline pipeline, TokenizerSettings settings, Stream stream)
    {
        using var writer = new Utf8JsonWriter(stream, s_indented);
        writer.WriteStartObject();
        foreach ((string name, string token) in settings.SpecialTokens)
        {
            AddedToken? added = pipeline.Added.Tokens.Values.FirstOrDefault(candidate => candidate.Content == token);
            if (added is null or { LStrip: false, RStrip: false, SingleWord: false, Normalized: false })
            {
                writer.WriteString(name, token);
                continue;
            }

            writer.WriteStartObject(name);
            TokenizerJson.WriteFields(writer, added);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    /// <summary>Writes under a temporary name in the same folder, then renames: a reader sees the whole file or the old one.</summary>
    private static void WriteFile(string folder, string name, Action<Stream> write)
    {
        string temporary = Path.Combine(folder, $".{name}.{Guid.NewGuid():N}.tmp");
        try
        {
            using (FileStream stream = File.Create(temporary))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, Path.Combine(folder, name), overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
