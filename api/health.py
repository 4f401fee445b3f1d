"""Whether the API is alive; asked by whoever keeps it running, so without the token."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/health")
async def health() -> dict[str, str]:
    """Alive."""
    return {"status": "alive"}
