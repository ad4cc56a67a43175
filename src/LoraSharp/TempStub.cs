using System.Text.Json;
using LoraSharp.Data;
namespace LoraSharp;
internal sealed class TokenizerRowEncoder(Tokenizer t) : IRowEncoder
{
    public string? EosToken => t.EosToken;
    public bool MarksAssistant => false;
    public int[] EncodeText(string text) => [.. t.EncodeToIds(text)];
    public EncodedRow EncodeChat(JsonElement messages, JsonElement? tools, JsonElement? arguments, bool addGenerationPrompt, bool assistantMask) => throw new InvalidOperationException("stub");
}
public sealed partial class CausalLM { /// <summary>x</summary>
public void Save(string folder, string maxShardSize = "4GB") { } }
/// <summary>x</summary>
public sealed class Tokenizer {
/// <summary>x</summary>
public string? EosToken => null;
/// <summary>x</summary>
public int? PadId => null;
/// <summary>x</summary>
public int? EosId => null;
/// <summary>x</summary>
public IReadOnlyList<int> EncodeToIds(string text) => [];
/// <summary>x</summary>
public void Save(string folder) {}
}
